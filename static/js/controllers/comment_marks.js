// Marks of the discussion on the page of an experiment: counts at answers and examples, and lines under the words that people
// talk about, with a bubble beside them.

import { byId, element, setText } from "../lib/dom.js";
import { TextLayer } from "../lib/text_layer.js";
import { debounce } from "../lib/timing.js";
import { placeOf, textsOf } from "../models/anchors.js";
import { countOf, isOn } from "../models/discussion.js";
import { boxOf } from "./text_places.js";

const SETTLING = 60 // ms; the marks follow what is typed, and need not follow every key

export class CommentMarks {
  /** `open(thread)` shows a thread; `write(about)` begins one. */
  constructor({ draft, discussion, open, write }) {
    Object.assign(this, { draft, discussion, open, layers: new Map() }) // box -> { layer, bubbles }
    this.write = write
    const soon = debounce(() => this.draw(), SETTLING)
    for (const name of ["change", "replace"]) draft.addEventListener(name, soon)
    discussion.addEventListener("change", soon)
    byId("answers").addEventListener("answer-state", ({ target }) => this.#drawCard(target))
    byId("answers").addEventListener("click", ({ target }) => target.closest("[data-discuss]") && this.#press({ kind: "run", run: runOf(target) }, this.discussion.onRun(runOf(target))))
    byId("grid-rows").addEventListener("click", ({ target }) => target.closest("[data-discuss]") && this.#pressExample(target))
  }

  draw() {
    for (const card of document.querySelectorAll("#answers .answer-card")) this.#drawCard(card)
    const onExamples = this.discussion.onExamples
    document.querySelectorAll("#grid-rows .grid-row").forEach((row, index) => this.#drawRow(row, index + 1, onExamples))
    this.#drawTexts()
  }

  #press(about, [mark]) {
    if (mark) this.open(mark.thread)
    else this.write(about)
  }

  #pressExample(target) {
    const { id } = target.closest("[data-id]").dataset
    this.#press({ kind: "example", example: id }, this.discussion.onExamples.filter(({ about }) => isOn(id, about)))
  }

  #drawCard(card) {
    const button = card.querySelector("[data-discuss]")
    const count = countOf(this.discussion.onRun(card.dataset.run))
    const words = count ? `${count} ${count === 1 ? "comment" : "comments"}` : "Comment"
    setText(button, words)
    button.toggleAttribute("data-some", count > 0)
  }

  #drawRow(row, number, onExamples) {
    const count = countOf(onExamples.filter(({ about }) => isOn(row.dataset.id, about)))
    const button = row.querySelector("[data-discuss]")
    const key = `${count} ${number}`
    if (button.dataset.drawn === key) return
    button.dataset.drawn = key
    button.querySelector("[data-count]").textContent = count || ""
    const words = count ? `${count} ${count === 1 ? "comment" : "comments"} on example ${number}` : `Comment on example ${number}`
    button.title = words
    button.setAttribute("aria-label", words)
    row.classList.toggle("discussed", count > 0)
  }

  #drawTexts() {
    const texts = textsOf(this.draft)
    const { onTexts, pending } = this.discussion
    const waiting = pending?.kind === "text" ? [{ thread: "pending", about: pending, comments: 0 }] : []
    const placed = [...waiting, ...onTexts].map((mark) => ({ mark, at: placeOf(mark.about, texts) })).filter(({ at }) => at)
    const byBox = new Map()
    for (const one of placed) {
      const box = boxOf(one.at.path, this.draft)
      if (box) byBox.set(box, [...(byBox.get(box) ?? []), one])
    }
    for (const [box, { layer, bubbles }] of this.layers) {
      if (byBox.has(box) && box.isConnected) continue
      for (const bubble of bubbles) bubble.remove()
      layer.remove()
      this.layers.delete(box)
    }
    for (const [box, found] of byBox) this.#drawBox(box, found)
  }

  #drawBox(box, found) {
    if (!this.layers.has(box)) this.layers.set(box, { layer: new TextLayer(box), bubbles: [] })
    const kept = this.layers.get(box)
    const marks = kept.layer.show(found.map(({ mark, at }) => ({ ...at, name: `${at.isSame ? "said" : "changed"} ${mark.thread}` })))
    const held = kept.bubbles.indexOf(document.activeElement)
    for (const bubble of kept.bubbles) bubble.remove()
    kept.bubbles = this.#bubbles(kept.layer, marks, found)
    kept.bubbles[Math.min(held, kept.bubbles.length - 1)]?.focus()
  }

  /** One bubble for each line with something to read. */
  #bubbles({ root, box }, marks, found) {
    const lines = new Map()
    for (const mark of marks) {
      const top = mark.offsetTop - root.scrollTop
      const one = found.find((each) => mark.className.endsWith(each.mark.thread)).mark
      if (one.comments && top > -8 && top < box.offsetHeight) lines.set(top, [...(lines.get(top) ?? []), one])
    }
    return [...lines].map(([top, here]) => {
      const bubble = element("button", { type: "button", class: "comment-bubble", text: String(countOf(here)) })
      const words = `${countOf(here)} ${countOf(here) === 1 ? "comment" : "comments"} on these words`
      bubble.setAttribute("aria-label", words)
      bubble.title = words
      bubble.style.setProperty("top", `${box.offsetTop + top}px`)
      bubble.addEventListener("click", () => this.open(here[0].thread))
      root.after(bubble)
      return bubble
    })
  }
}

const runOf = (target) => target.closest(".answer-card").dataset.run
