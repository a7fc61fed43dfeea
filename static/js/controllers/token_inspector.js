// Every token of one answer can be looked at: with the pointer, by touch, and with ← and → from the keyboard.
// Tells the page which token was chosen ("token-chosen"), and that an answer is to begin anew ("begin-with").

import { isOurs, sentenceOf } from "../models/token_figures.js";
import { AnswerFigures } from "./answer_figures.js";
import { TokenPanel } from "./token_panel.js";

const OPEN_AFTER = 90 // ms of rest on a token; passing over the text opens nothing
const CLOSE_AFTER = 220 // ms to reach the panel
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }

export class TokenInspector {
  /**
   * `root` holds one answer: its `<answer-text>` in a [data-token-box], and what runs/_tokens.html has. With `signal` it
   * lets go of the document. Without `branches` tokens can only be looked at.
   */
  constructor(root, signal, { branches = true } = {}) {
    this.answer = root.querySelector("answer-text")
    this.panel = new TokenPanel(root.querySelector("[data-token-panel]"), branches)
    this.chosen = null // the token that was clicked or has the focus
    this.shown = null
    this.timer = null
    new AnswerFigures(root.querySelector("[data-token-figures]"), this.answer, (at) => this.choose(at))
    this.#listenToAnswer()
    this.#listenToPanel()
    document.addEventListener("pointerdown", (event) => this.#isOurs(event.target) || this.close(), { signal })
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#escape(event), { capture: true, signal })
    document.addEventListener("scroll", () => this.#follow(), { capture: true, passive: true, signal })
    document.addEventListener("choose-token", ({ detail: { run, at } }) => run === this.answer.run && (at === null ? this.close() : this.choose(at)), { signal })
    window.addEventListener("resize", () => this.#follow(), { signal })
  }

  /** Chooses a token: shows it, gives it the focus, and tells the page. */
  choose(at) {
    const span = this.answer.spanAt(at)
    if (!span) return
    clearTimeout(this.timer)
    this.#leaveStop()
    this.chosen = at
    this.#makeStop(span, at)
    span.classList.add("chosen")
    span.focus({ preventScroll: this.#isInSight(span) })
    this.#show(at)
    document.dispatchEvent(new CustomEvent("token-chosen", { detail: { run: this.answer.run, at, isOurs: isOurs(this.answer.tokens[at]) } }))
  }

  /** Closes the panel and forgets the choice. The token stays where Tab comes to. */
  close() {
    clearTimeout(this.timer)
    if (this.chosen !== null) {
      this.answer.spanAt(this.chosen)?.classList.remove("chosen")
      document.dispatchEvent(new Event("token-left"))
    }
    this.chosen = this.shown = null
    this.panel.hide()
  }

  #listenToAnswer() {
    const { answer } = this
    answer.addEventListener("click", ({ target }) => this.#click(answer.placeOf(target)))
    answer.addEventListener("keydown", (event) => this.#key(event))
    answer.addEventListener("focusin", ({ target }) => this.#focus(answer.placeOf(target)))
    answer.addEventListener("focusout", (event) => this.#blur(event))
    answer.addEventListener("pointerover", (event) => this.#hover(event, answer.placeOf(event.target)))
    answer.addEventListener("pointerleave", () => this.#later(() => this.#rest(), CLOSE_AFTER))
    answer.addEventListener("drawn", () => this.stop || this.#firstStop())
    answer.addEventListener("replaced", () => {
      this.close()
      this.stop = null
    })
  }

  #listenToPanel() {
    const { panel } = this.panel
    panel.addEventListener("pointerenter", () => clearTimeout(this.timer))
    panel.addEventListener("pointerleave", () => this.#later(() => this.#rest(), CLOSE_AFTER))
    panel.addEventListener("focusout", (event) => this.#blur(event))
    panel.addEventListener("click", ({ target }) => this.#branch(target.closest("[data-id]")))
    panel.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
      if (step) this.#take(event, () => this.panel.moveFocus(step))
    })
  }

  #click(at) {
    const isSelecting = !getSelection().isCollapsed
    if (at >= 0 && !isSelecting) this.choose(at)
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || this.chosen === null) return
    if (event.key in STEPS) this.#take(event, () => this.#move(STEPS[event.key]))
    if (["ArrowDown", "Enter", " "].includes(event.key)) this.#take(event, () => this.panel.moveFocus(0))
  }

  #move(step) {
    const last = this.answer.tokens.length - 1
    this.choose(Math.max(0, Math.min(last, this.chosen + step)))
  }

  /** Tab has come to the token. */
  #focus(at) {
    const isHere = this.chosen !== null && this.answer.spanAt(at) === this.answer.spanAt(this.chosen)
    if (at >= 0 && !isHere) this.choose(at)
  }

  #blur({ relatedTarget }) {
    if (relatedTarget && !this.#isOurs(relatedTarget)) this.close()
  }

  #hover(event, at) {
    if (event.pointerType !== "mouse" || event.buttons) return
    if (at < 0) this.#later(() => this.#rest(), CLOSE_AFTER)
    else if (at === this.shown) clearTimeout(this.timer)
    else this.#later(() => this.#show(at), OPEN_AFTER)
  }

  /** The pointer has left: back to the chosen token, if there is one. */
  #rest() {
    if (this.chosen === null) this.close()
    else this.#show(this.chosen)
  }

  #show(at) {
    const span = this.answer.spanAt(at)
    if (!span) return
    this.shown = at
    this.panel.show(this.answer.tokens[at], at, span)
  }

  #follow() {
    if (this.shown === null) return
    if (this.chosen === null) this.close()
    else this.panel.place(this.answer.spanAt(this.shown))
  }

  #branch(button) {
    if (!button) return
    if (this.answer.hasAttribute("streaming")) return this.panel.hint("The answer is still being written. Stop it or wait, then branch.")
    const { id, text } = button.dataset
    const detail = { run: this.answer.run, at: this.shown, id: Number(id), text }
    this.close()
    this.answer.closest("[data-token-box]").focus({ preventScroll: true })
    document.dispatchEvent(new CustomEvent("begin-with", { detail }))
  }

  /** Esc goes back step by step. Over a panel that only hovers it stays the key that stops a run. */
  #escape(event) {
    const hasFocus = this.#isOurs(document.activeElement)
    if (!this.panel.isOpen && !hasFocus) return
    const span = this.answer.spanAt(this.chosen)
    if (hasFocus) this.#take(event, () => {})
    if (this.panel.panel.contains(document.activeElement)) return span?.focus()
    this.close()
    if (hasFocus) this.answer.closest("[data-token-box]").focus()
  }

  #take(event, action) {
    event.preventDefault()
    event.stopPropagation()
    action()
  }

  #later(action, delay) {
    clearTimeout(this.timer)
    this.timer = setTimeout(action, delay)
  }

  /** One token of the answer is where Tab comes to, at first the first. */
  #firstStop() {
    const at = this.answer.tokens.findIndex((_, index) => this.answer.spanAt(index))
    if (at >= 0) this.#makeStop(this.answer.spanAt(at), at)
  }

  #makeStop(span, at) {
    this.stop = span
    span.tabIndex = 0
    span.setAttribute("role", "button")
    span.setAttribute("aria-label", sentenceOf(this.answer.tokens[at], at))
  }

  #leaveStop() {
    if (!this.stop) return
    this.stop.classList.remove("chosen")
    for (const name of ["tabindex", "role", "aria-label"]) this.stop.removeAttribute(name)
  }

  #isOurs(node) {
    return this.answer.contains(node) || this.panel.panel.contains(node)
  }

  #isInSight(span) {
    const box = this.answer.closest("[data-token-box]").getBoundingClientRect()
    const { top, bottom } = span.getBoundingClientRect()
    return top >= Math.max(0, box.top) && bottom <= Math.min(window.innerHeight, box.bottom)
  }
}
