// Those who may only read: boxes that can be read and not written, at once when the right to edit comes or goes.
// What needs no box of its own is left out by css (data-reading).

import { byId } from "../lib/dom.js";

const TEXTS = "#title, #scope, #instruction, #grid textarea, #grid .column-name, #inputs textarea"
const SWITCHES = "#grid [data-on], #shot-scale, #settings"

/** Follows the right to edit that `room` has. */
export function connectReading(room, draft) {
  const show = () => {
    const isReading = !room.mayEdit
    draft.isClosed = isReading
    document.querySelector(".experiment").toggleAttribute("data-reading", isReading)
    for (const box of document.querySelectorAll(TEXTS)) box.readOnly = isReading
    for (const part of document.querySelectorAll(SWITCHES)) part.disabled = isReading
  }
  const rows = new MutationObserver(() => room.mayEdit || show()) // new boxes can be written into
  for (const place of ["grid", "inputs"]) rows.observe(byId(place), { childList: true, subtree: true })
  room.addEventListener("rights", show)
  show()
}
