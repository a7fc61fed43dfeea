// <answer-text>: streamed tokens, one span each. Only ever appends while streaming, so that what the reader has
// selected stays selected.

import { inNextFrame } from "../lib/frames.js";
import { isKnown, isOurs, stepOf } from "../models/token_figures.js";

const CHUNK = 400 // tokens a frame; a long answer that is opened at once must not hold the page up

class AnswerText extends HTMLElement {
  /** The run whose answer this is. */
  run = null
  /** Every record that is drawn, in order. */
  tokens = []
  #pending = []
  #scheduled = false
  #spans = [] // of each token; tokens that make one character together share theirs
  #places = new WeakMap() // span: its first token
  #open = null // a span whose character is not whole yet

  /** Adds tokens ({ t, id, lp, rank, top, given }) at the end; draws them with the next frame and sends "drawn". */
  append(tokens) {
    for (const token of tokens) this.#pending.push(token)
    this.#schedule()
  }

  /** Shows exactly these tokens; sends "replaced" at once. */
  replace(tokens) {
    this.tokens = []
    this.#pending = []
    this.#spans = []
    this.#open = null
    this.replaceChildren()
    this.dispatchEvent(new Event("replaced"))
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

  /** The span of a token; null where there is none. */
  spanAt(at) {
    return this.#spans[at] ?? null
  }

  /** The number of the first token that an element inside shows, or -1. */
  placeOf(element) {
    return this.#places.get(element.closest(".t")) ?? -1
  }

  #draw() {
    this.#scheduled = false
    const added = document.createDocumentFragment()
    for (const token of this.#pending.splice(0, CHUNK)) this.#add(token, added)
    super.append(added)
    if (this.#pending.length) this.#schedule()
  }

  #add(token, place) {
    const at = this.tokens.push(token) - 1
    if (!isOurs(token) && !isKnown(token)) {
      place.append(token.t) // nothing is known of it but its text
      this.#spans.push(null)
      return
    }
    const span = this.#open ?? place.appendChild(document.createElement("span"))
    if (!this.#open) this.#places.set(span, at)
    this.#spans.push(span)
    span.textContent = token.t
    span.className = this.#classOf(this.#places.get(span), at)
    this.#open = token.t === "" ? span : null
  }

  /** The class of the span from token `first` to `last`: its shade is that of all of them together. */
  #classOf(first, last) {
    const shown = this.tokens.slice(first, last + 1)
    const given = shown[0].given ? " given" : ""
    if (!shown.every(isKnown)) return `t${given}`
    return `t p${stepOf(Math.exp(shown.reduce((sum, token) => sum + token.lp, 0)))}${given}`
  }
}

customElements.define("answer-text", AnswerText)
