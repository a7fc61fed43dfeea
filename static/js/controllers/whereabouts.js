// Notices where the person at this page is: in which box, with which words selected, looking at what, or away.

import { Whereabouts } from "../models/whereabouts.js";

const ACTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchmove"]
const RATE = 1000 // ms between two looks at a moving pointer

/** `placeOf(element)` gives { text, anchor, head }, or null for what is no place to be. */
export function connectWhereabouts(room, placeOf) {
  const here = new Whereabouts({ show: (cursor) => room.show(cursor) })
  const look = () => here.set({ at: document.hasFocus() ? placeOf(document.activeElement) : here.now.at })
  for (const name of ["focusin", "selectionchange", "input"]) document.addEventListener(name, look)
  document.addEventListener("focusout", ({ relatedTarget }) => relatedTarget ?? (document.hasFocus() && here.set({ at: null })))
  connectAway(here)
  return { here, look }
}

function connectAway(here) {
  let last = 0
  const acted = ({ timeStamp }) => {
    if (timeStamp - last < RATE) return
    last = timeStamp
    here.acted()
  }
  for (const act of ACTS) document.addEventListener(act, acted, { passive: true, capture: true })
  document.addEventListener("visibilitychange", () => here.setHidden(document.hidden))
  here.setHidden(document.hidden)
}
