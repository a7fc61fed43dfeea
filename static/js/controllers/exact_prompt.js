// The exact text the model gets: of the prompt as it is now, or of the run that is shown. Special tokens are marked;
// on demand the borders of all tokens and the characters that cannot be seen. Marks are drawn by CSS, so the text
// in the document, and with it what people copy, is the true one.

import { byId, copyWithNote, element, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { cutTrailing, partName, revealed, sizeWords, stretchesOf, tokenWords } from "../models/exact_text.js";

const NOTHING = { text: "", tokens: [] }

export class ExactPrompt {
  /** `opened()` is called when the present prompt is wanted; `show` then gets it. */
  constructor({ opened }) {
    Object.assign(this, { opened, now: NOTHING, past: null, current: -1 })
    this.panel = byId("exact")
    this.box = byId("exact-text")
    this.toggle = byId("exact-toggle")
    this.toggle.addEventListener("click", () => (this.panel.hidden ? this.#open() : this.#close()))
    byId("exact-now").addEventListener("click", () => this.#open())
    byId("borders").addEventListener("change", () => this.#draw())
    byId("unseen").addEventListener("change", () => this.#draw())
    byId("copy-exact").addEventListener("click", () => copyWithNote(byId("copy-exact"), this.#shown.text))
    this.box.addEventListener("pointerover", ({ target }) => this.#point(target.closest("[data-index]")))
    this.box.addEventListener("keydown", (event) => this.#walk(event))
  }

  /** Whether the present prompt is looked at. */
  get wantsTokens() {
    return !this.panel.hidden && this.past === null
  }

  show({ text, tokens, why }) {
    if (tokens === undefined) return // asked for before somebody looked
    this.now = { text, tokens, why }
    if (this.wantsTokens) this.#draw()
  }

  refuse(message) {
    this.now = { ...NOTHING, fault: message }
    if (this.wantsTokens) this.#draw()
  }

  /** Opens with the prompt that a run was given. Throws RequestError when it cannot be read. */
  async showRun(id) {
    this.past = await requestJson("GET", `/runs/${id}/prompt`)
    this.#reveal()
    this.panel.scrollIntoView({ block: "nearest" })
    this.box.focus({ preventScroll: true })
  }

  get #shown() {
    return this.past ?? this.now
  }

  #open() {
    this.past = null
    this.#reveal()
    this.opened()
  }

  #close() {
    this.panel.hidden = true
    this.past = null
    this.toggle.setAttribute("aria-expanded", "false")
  }

  #reveal() {
    this.panel.hidden = false
    this.toggle.setAttribute("aria-expanded", "true")
    this.#draw()
  }

  #draw() {
    const { text, tokens, why, fault } = this.#shown
    const what = this.past ? "Of the run below" : "Of the prompt above"
    byId("exact-note").textContent = fault ?? `${what}: ${sizeWords(text, tokens)}`
    byId("exact-now").hidden = this.past === null
    say(byId("exact-stale"), why ?? "")
    for (const id of ["borders", "unseen"]) byId(id).disabled = tokens === null
    this.current = -1
    say(byId("exact-token"), byId("borders").checked && tokens?.length ? "Point at a token, or walk with the arrow keys." : "")
    const marked = byId("unseen").checked
    const make = byId("borders").checked ? tokenSpans : textSpan
    this.box.replaceChildren(...(tokens ? stretchesOf(tokens, text).map((stretch) => make(stretch, marked)) : [text]))
  }

  #point(span) {
    if (!span) return
    this.current = Number(span.dataset.index)
    this.box.querySelector(".here")?.classList.remove("here")
    span.classList.add("here")
    const { tokens } = this.#shown
    say(byId("exact-token"), tokenWords({ ...tokens[this.current], index: this.current }, tokens.length))
  }

  #walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    const span = step && this.box.querySelector(`[data-index="${this.current + step}"]`)
    if (!span) return
    event.preventDefault()
    this.#point(span)
    span.scrollIntoView({ block: "nearest" })
  }
}

function textSpan(stretch, marked) {
  const made = partSpan(stretch)
  made.title = stretch.special ? "special token" : partName(stretch.part)
  if (marked) {
    made.append(...unseenSpans(stretch.text))
    return made
  }
  const [text, end] = cutTrailing(stretch)
  made.append(text)
  if (end) made.append(element("span", { class: "trailing", text: end, title: "White space at the end" }))
  return made
}

function tokenSpans(stretch, marked) {
  if (!stretch.tokens.length) return textSpan(stretch, marked)
  const whole = element("span", { class: "stretch" })
  whole.append(...stretch.tokens.map((token) => tokenSpan(token, marked)))
  return whole
}

function tokenSpan(token, marked) {
  const made = partSpan(token)
  made.dataset.index = token.index
  made.classList.add("tok", token.index % 2 ? "odd" : "even")
  made.append(...(marked ? unseenSpans(token.text) : [token.text]))
  return made
}

function partSpan({ part, special, name }) {
  const made = element("span", { "data-part": part.split(":")[0] })
  if (name) made.dataset.mark = name
  if (special) made.className = "special"
  return made
}

function unseenSpans(text) {
  return revealed(text).map(({ text: piece, mark }) => {
    if (!mark) return piece
    const kind = /^·/.test(mark) ? "space" : "named"
    return element("span", { class: `unseen ${kind}`, text: piece, "data-mark": mark })
  })
}
