// The quiet line under the grid: what the last large edit was, and the way back.

import { byId } from "../lib/dom.js";

export function connectUndo(edits) {
  const undo = byId("undo")
  let fresh = false // nothing was typed since: Ctrl+Z means this edit, not letters of a box
  const draw = () => {
    const restored = !edits.words && undo === document.activeElement
    byId("grid-note").textContent = edits.words
    undo.hidden = !edits.words
    fresh = Boolean(edits.words)
    if (restored) byId("add-example").focus()
  }
  undo.addEventListener("click", () => edits.undo())
  edits.addEventListener("edited", draw)
  edits.addEventListener("forgotten", draw)
  byId("examples").addEventListener("input", () => (fresh = false))
  byId("examples").addEventListener("keydown", (event) => {
    if (!fresh || event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return
    event.preventDefault()
    edits.undo()
  })
}
