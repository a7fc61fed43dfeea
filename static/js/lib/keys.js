// Keys as text: "Mod+Enter" is Ctrl+Enter, or Cmd+Enter on a Mac.

const SHOWN = { Escape: "Esc", Enter: "⏎" }

export const isMac = (platform = globalThis.navigator?.platform ?? "") => /Mac|iPhone|iPad/.test(platform)

/** Whether a keydown is `keys`. Shift only counts for letters: some keyboards need it to reach a sign such as "/". */
export function isPressed(event, keys) {
  const parts = keys.split("+")
  const key = parts.pop()
  const isLetter = /^[a-z]$/i.test(key)
  const shift = !isLetter && key.length === 1 ? event.shiftKey : parts.includes("Shift")
  return (
    event.key.toLowerCase() === key.toLowerCase() &&
    (event.ctrlKey || event.metaKey) === parts.includes("Mod") &&
    event.altKey === parts.includes("Alt") &&
    event.shiftKey === shift
  )
}

/** The keys as people of this platform read them, one by one. */
export function keyNames(keys, mac = isMac()) {
  const modifier = { Mod: mac ? "⌘" : "Ctrl", Alt: mac ? "⌥" : "Alt" }
  return keys.split("+").map((key) => modifier[key] ?? SHOWN[key] ?? key)
}
