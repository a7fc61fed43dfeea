// Runs commands by their keys, and writes keys as this platform has them.

import { isPressed, keyNames } from "../lib/keys.js";

export function connectKeyboard(commands) {
  for (const place of document.querySelectorAll("[data-keys]")) place.textContent = keyNames(place.dataset.keys).join(" ")
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || isMeantForField(event)) return
    const pressed = commands.withKeys().filter((command) => isPressed(event, command.keys))
    const covered = document.querySelector("dialog[open], :popover-open:not([popover=manual])") !== null
    const command = pressed.find((one) => (one.anywhere || !covered) && one.when())
    // Ctrl+G must not open the browser's search only because nothing can be run at this moment.
    if (command || (pressed.length && event.key !== "Escape")) event.preventDefault()
    command?.run()
  })
}

/** Signs and letters belong to the field that people type in; Esc and everything with Ctrl or Cmd does not. */
function isMeantForField(event) {
  const isText = event.key.length === 1 && !event.ctrlKey && !event.metaKey
  return isText && event.target.closest("input, textarea, select, [contenteditable]") !== null
}
