/** A piece of a page, drawn by our own server, as nodes; nothing in it is run. Empty when it cannot be had. */
export async function fetchFragment(url, signal) {
  try {
    const response = await fetch(url, { signal, credentials: "same-origin" })
    if (!response.ok || response.redirected) return []
    const page = new DOMParser().parseFromString(await response.text(), "text/html")
    return [...page.body.childNodes]
  } catch {
    return [] // offline, or asked again: the next change asks once more
  }
}
