// <answer-text>: streamed tokens, one span each. Only ever appends while streaming, so that what the reader has
// selected stays selected.

import { inNextFrame } from "../lib/frames.js";

const CHUNK = 400 // tokens a frame; a long answer that is opened at once must not hold the page up

class AnswerText extends HTMLElement {
  #pending = []
  #scheduled = false

  /** Adds tokens ({ t, lp, rank }) at the end; draws them with the next frame and sends "drawn". */
  append(tokens) {
    for (const token of tokens) this.#pending.push(token)
    this.#schedule()
  }

  /** Shows exactly these tokens. */
  replace(tokens) {
    this.#pending = []
    this.replaceChildren()
    this.append(tokens)
  }

  set streaming(on) {
    this.toggleAttribute("streaming", on)
  }

  #schedule() {
    if (this.#scheduled) return
    this.#scheduled = true
    inNextFrame(() => this.#draw(), () => this.dispatchEvent(new Event("drawn")))
  }

  #draw() {
    this.#scheduled = false
    const added = document.createDocumentFragment()
    for (const token of this.#pending.splice(0, CHUNK)) added.append(tokenSpan(token))
    super.append(added)
    if (this.#pending.length) this.#schedule()
  }
}

function tokenSpan({ t, lp, rank }) {
  const span = document.createElement("span")
  span.className = "t"
  span.textContent = t
  if (lp !== undefined) span.title = `${(Math.exp(lp) * 100).toFixed(1)} % · rank ${rank}`
  return span
}

customElements.define("answer-text", AnswerText)
