// One answer on the page: heading, live text, facts, and its buttons. Other parts find the card by the document:
// <article class="answer-card" data-run data-status> holds an <answer-text> and a <footer class="answer-parts"> for them,
// and sends a bubbling "answer-state" ({ buffer }) when another run is shown or its status changes.

import { copyWithNote, fromTemplate, say, setText } from "../lib/dom.js";
import { colourOf } from "../models/people.js";
import { shotName } from "../models/run_plan.js";
import { askedWords, factsOf, stoppedWords, waitingWords } from "../models/run_words.js";
import { ScrollKeeper } from "../models/scroll_keeper.js";
import "../elements/answer_text.js";
import { TokenInspector } from "./token_inspector.js";

export class AnswerCard {
  /** `hears` is { stop, again, restore, close, step(by), drawn }: what the buttons ask for, and that text was drawn. */
  constructor(hears) {
    this.root = fromTemplate("answer-card-template")
    this.text = this.root.querySelector("answer-text")
    this.box = this.#part("box")
    this.keeper = new ScrollKeeper(this.box)
    this.buffer = null
    this.box.addEventListener("scroll", () => this.keeper.read(), { passive: true })
    this.text.addEventListener("drawn", () => {
      this.keeper.keep()
      hears.drawn()
    })
    this.gone = new AbortController()
    new TokenInspector(this.root, this.gone.signal)
    this.#connect(hears)
  }

  /** Shows a run; `page` of `pages` runs of this card. `who` has started it, or "" for the reader; `isOthers` is a card of others. */
  show(buffer, { page, pages, mayStop, who = "", isOthers = false }) {
    this.#part("pager").hidden = pages === 1
    this.#part("page").textContent = `${page} of ${pages}`
    this.#part("older").disabled = page === 1
    this.#part("newer").disabled = page === pages
    Object.assign(this, { mayStop, who, isOthers })
    if (this.buffer !== buffer) this.#begin(buffer)
    this.#showState()
  }

  /** Draws one change of the run that is shown. */
  apply(change) {
    const { buffer } = this
    if (change.kind === "append") {
      this.text.append(change.tokens)
      if (this.#part("note").hidden) return // numbers come with the next tick, not with every token
    }
    if (["clear", "replace", "lost"].includes(change.kind)) this.text.replace(buffer.tokens)
    if (change.kind === "error") return this.#complain(change.message)
    if (change.kind === "end") this.status = null // a reset may have told the status before the reason
    this.#showState()
  }

  /** Brings what changes with time up to date: speed, waiting, silence. */
  tick(now) {
    if (!this.buffer) return
    setText(this.#part("facts"), factsOf(this.buffer, now))
    const note = waitingWords(this.buffer, now) || stoppedWords(this.buffer)
    say(this.#part("note"), note)
  }

  /** Takes the card off the page. */
  remove() {
    this.gone.abort()
    this.root.remove()
  }

  get title() {
    return this.#part("title").textContent
  }

  #connect({ stop, again, restore, close, step }) {
    const on = (name, action) => this.#part(name).addEventListener("click", action)
    on("stop", stop)
    on("again", again)
    on("restore", restore)
    on("close", close)
    on("older", () => step(-1))
    on("newer", () => step(1))
    on("copy", () => copyWithNote(this.#part("copy"), this.buffer.text))
    this.#part("pager").addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
      if (by) step(by)
    })
  }

  #begin(buffer) {
    this.buffer = buffer
    const { about } = buffer
    this.root.dataset.run = buffer.run
    this.#part("title").textContent = about.shots === undefined ? "Answer" : shotName(about.shots)
    say(this.#part("who"), this.who)
    this.#part("who").dataset.colour = colourOf({ id: about.user ?? 0 })
    this.#part("about").textContent = askedWords(about)
    this.#part("about").title = askedWords(about)
    this.root.setAttribute("aria-label", this.who ? `Answer of ${this.who}, ${this.title}` : `Answer, ${this.title}`)
    this.box.setAttribute("aria-label", `Text of the answer, ${this.title}`)
    this.keeper.restart()
    this.status = null
    this.text.run = buffer.run
    this.text.replace(buffer.tokens)
  }

  #showState() {
    const { buffer } = this
    this.tick(performance.now())
    this.#part("stop").hidden = !buffer.isLive || !this.mayStop
    if (this.status === buffer.status && this.shown === buffer.run) return
    Object.assign(this, { status: buffer.status, shown: buffer.run })
    this.root.dataset.status = buffer.status
    this.text.streaming = buffer.status === "running"
    const isFault = !buffer.isLive && buffer.status !== "cancelled" // that it was stopped says the note
    this.#complain(isFault ? (buffer.error?.message ?? "") : "")
    this.#part("again").hidden = buffer.isLive || this.isOthers
    this.#part("copy").hidden = buffer.isLive || buffer.text === ""
    this.root.dispatchEvent(new CustomEvent("answer-state", { bubbles: true, detail: { buffer } }))
  }

  #complain(message) {
    say(this.#part("fault"), message)
  }

  #part(name) {
    return this.root.querySelector(`[data-${name}]`)
  }
}
