/** Calls `action` once, `delay` milliseconds after the last call; `cancel` forgets a waiting call. */
export function debounce(action, delay) {
  let timer = null
  const later = (...args) => {
    clearTimeout(timer)
    timer = setTimeout(() => action(...args), delay)
  }
  later.cancel = () => clearTimeout(timer)
  return later
}

/** Lets the page answer people before the next piece of long work; throws when `signal` is aborted. */
export async function pause(signal) {
  await new Promise((go) => setTimeout(go))
  signal?.throwIfAborted()
}
