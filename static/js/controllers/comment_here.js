// Words that are selected in a text of the prompt get a small button beside them to comment on them.

import { beside } from "../lib/beside.js";
import { byId } from "../lib/dom.js";
import { rectOf } from "../lib/text_layer.js";
import { debounce } from "../lib/timing.js";
import { quoteOf } from "../models/anchors.js";
import { pathOf } from "./text_places.js";

const SETTLING = 150 // ms after the selection has moved

/** Returns what a comment would be about now: the selected words, or the example or answer that has the keyboard; else null. */
export function connectCommentHere({ draft, write }) {
  const button = byId("comment-here")

  const selected = (box = document.activeElement) => {
    const path = box?.matches("textarea") ? pathOf(box, draft) : null
    const quote = path && quoteOf(box.value, box.selectionStart, box.selectionEnd)
    return quote ? { kind: "text", path, quote } : null
  }
  const around = (place = document.activeElement) => {
    const example = place.closest("#grid-rows [data-id]")?.dataset.id
    const run = place.closest(".answer-card")?.dataset.run
    return example ? { kind: "example", example } : run ? { kind: "run", run } : null
  }
  const show = () => {
    const about = selected()
    button.hidden = !about
    if (!about) return
    const box = document.activeElement
    const start = box.selectionStart
    const { left, top } = beside(rectOf(box, start, box.selectionEnd), { width: button.offsetWidth, height: button.offsetHeight }, { width: innerWidth, height: innerHeight })
    button.style.setProperty("left", `${left}px`)
    button.style.setProperty("top", `${top}px`)
  }
  const hide = () => (button.hidden = true)
  const comment = (about) => {
    hide()
    write(about)
  }

  document.addEventListener("selectionchange", debounce(show, SETTLING))
  document.addEventListener("focusout", ({ relatedTarget }) => relatedTarget === button || hide())
  document.addEventListener("scroll", hide, { capture: true, passive: true })
  button.addEventListener("pointerdown", (event) => event.preventDefault()) // the selection stays
  button.addEventListener("click", () => comment(selected()))
  return () => selected() ?? around()
}
