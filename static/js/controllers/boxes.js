// Text boxes that others write into, too: new text comes in under the cursor without moving it in its sentence.

import { spliceOf } from "../models/room_document.js";
import { grow } from "./autosize.js";

/** Shows `text` in `box`, where it is not there already. */
export function showText(box, text) {
  if (box.value === text) return
  const splice = box === document.activeElement ? spliceOf(box.value, text) : null
  const { selectionStart, selectionEnd, selectionDirection, scrollTop } = box
  box.value = text
  if (splice) {
    box.setSelectionRange(moved(selectionStart, splice), moved(selectionEnd, splice), selectionDirection)
    box.scrollTop = scrollTop
  }
  grow(box)
}

/** Which text of the draft a box shows: { box, field, example }; null for a box of this page alone. */
export function sharedText(box) {
  const kind = box?.dataset?.shared
  if (!kind) return null
  return { box: kind, field: box.dataset.name, example: box.closest("[data-id]")?.dataset.id }
}

/** Where a place is after `splice`: what comes in right at the cursor stands behind it. */
export function moved(place, { at, removed, added }) {
  if (place <= at) return place
  return place >= at + removed ? place + added.length - removed : Math.min(place, at + added.length)
}

/** Runs `act`, which may draw boxes anew or elsewhere; whoever types in one goes on there. `find(box)` tells how to find it again. */
export function keepingTheCursor(find, act) {
  const held = document.activeElement
  const again = held && find(held)
  const [start, end] = [held?.selectionStart, held?.selectionEnd]
  act()
  const box = again?.()
  if (!box || box === document.activeElement) return
  box.focus({ preventScroll: true })
  if (start !== undefined && start !== null) box.setSelectionRange(Math.min(start, box.value.length), Math.min(end, box.value.length))
}
