// The window of the model as a bar: instruction, every shot, input, format and what is reserved for the answer.
// One stop of the Tab key; arrows walk along the parts, Enter goes to the box of one.

import { byId, element, say } from "../lib/dom.js";
import { curesFor, labelOf, legendOf, overWords, roomWords, segmentsOf, totalWords } from "../models/context.js";

export class ContextBar {
  /** `acts` has drop(), reserve(count) and trim(); `goTo(part, index)` takes people to where a part is written. */
  constructor({ acts, goTo }) {
    this.acts = acts
    this.bar = byId("context-bar")
    this.label = byId("context-label")
    this.bar.addEventListener("pointerover", ({ target }) => this.#point(target))
    this.bar.addEventListener("focusin", ({ target }) => this.#enter(target))
    for (const leave of ["pointerleave", "focusout"]) this.bar.addEventListener(leave, () => say(this.label, ""))
    this.bar.addEventListener("keydown", (event) => this.#walk(event))
    this.bar.addEventListener("click", ({ target }) => {
      const { part, index } = target.dataset
      if (part) goTo(part, Number(index))
    })
  }

  show({ counts, uncounted, warnings }) {
    if (counts) this.#showCounts(counts)
    else this.#showNone(uncounted)
    this.#refill(byId("warnings"), warnings.map((hint) => this.#hint(hint)))
  }

  #showCounts(counts) {
    const whole = Math.max(counts.window, counts.prompt + counts.reserved)
    this.#draw(segmentsOf(counts).map((one) => segment(one, counts, whole)))
    this.bar.classList.toggle("over", counts.over > 0)
    const room = element("span", { class: "room", text: roomWords(counts) })
    byId("counts").replaceChildren(...legendOf(counts).map(key), element("strong", { text: totalWords(counts) }), room)
    this.#tell(overWords(counts), curesFor(counts))
  }

  /** Nobody here can count the tokens of a remote model, and `words` say so. */
  #showNone(words) {
    this.#draw([])
    byId("counts").replaceChildren(words)
    this.#tell("", [])
  }

  refuse(message) {
    this.#draw([])
    byId("counts").replaceChildren()
    this.#tell(message, [])
    this.#refill(byId("warnings"), [])
  }

  /** Keeps the place of the keyboard while the counts change under it. */
  #draw(parts) {
    const held = [...this.bar.children].indexOf(document.activeElement)
    say(this.label, "")
    this.bar.replaceChildren(...parts)
    this.bar.classList.toggle("unknown", parts.length === 0)
    const stop = parts[Math.max(0, Math.min(held, parts.length - 1))]
    if (stop) stop.tabIndex = 0
    if (held >= 0) stop?.focus()
  }

  #tell(fault, cures) {
    say(byId("context-fault"), fault)
    this.#refill(byId("context-cures"), cures.map(({ act, text, value }) => button(text, () => this.acts[act](value))))
    byId("context-cures").hidden = cures.length === 0
  }

  /** A button that did its work goes away; the keyboard stays near. */
  #refill(place, children) {
    const held = place.contains(document.activeElement)
    place.replaceChildren(...children)
    if (held) (place.querySelector("button") ?? this.bar.querySelector('[tabindex="0"]'))?.focus()
  }

  #hint({ text, cure }) {
    const made = element("li", { text: `${text} ` })
    if (cure === "trim") made.append(button("Remove it", () => this.acts.trim()))
    return made
  }

  #point(part) {
    if (!part.dataset.part) return
    say(this.label, part.getAttribute("aria-label"))
    const middle = part.offsetLeft + part.offsetWidth / 2
    const half = this.label.offsetWidth / 2
    this.label.style.left = `${Math.max(0, Math.min(middle - half, this.bar.offsetWidth - 2 * half))}px`
  }

  #enter(part) {
    for (const other of this.bar.children) other.tabIndex = other === part ? 0 : -1
    this.#point(part)
  }

  #walk(event) {
    const parts = [...this.bar.children]
    const at = parts.indexOf(event.target)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: parts.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    parts[to]?.focus()
  }
}

function segment(one, counts, whole) {
  const made = element("button", { type: "button", class: "part", tabindex: -1, "data-part": one.part, "aria-label": labelOf(one, counts) })
  if (one.index !== undefined) made.dataset.index = one.index
  made.style.setProperty("--share", one.count / whole)
  return made
}

function key({ part, text }) {
  const made = element("span", { class: "key", "data-part": part })
  made.append(element("i", { "aria-hidden": "true" }), text)
  return made
}

function button(text, action) {
  const made = element("button", { type: "button", class: "cure", text })
  made.addEventListener("click", action)
  return made
}
