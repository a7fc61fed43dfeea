// The answer on the page: text, facts under it, the line beside Run, and the spoken version.

import { byId, copyWithNote, say } from "../lib/dom.js";
import { Announcer } from "../models/announcer.js";
import { factsOf, waitingWords } from "../models/run_words.js";
import { ScrollKeeper } from "../models/scroll_keeper.js";
import { TokenInspector } from "./token_inspector.js";
import "../elements/answer_text.js";

const CONNECTION = {
  waiting: "Connection lost; the answer goes on and will be caught up.",
  "signed-out": "You are signed out; the runs go on.",
  "no-access": "You have no access to this experiment any more.",
}

const READER_ACTS = ["wheel", "touchmove", "pointerdown", "keydown"]

export class AnswerPanel {
  constructor() {
    this.panel = byId("run-panel")
    this.answer = byId("answer")
    this.box = byId("answer-box")
    this.foot = byId("answer-foot")
    this.leads = false
    this.keeper = new ScrollKeeper(this.box)
    this.announcer = new Announcer((text) => (byId("announcer").textContent = text))
    this.buffer = null
    this.connection = "connecting"
    this.box.addEventListener("scroll", () => this.keeper.read(), { passive: true })
    this.answer.addEventListener("drawn", () => this.#drawn())
    for (const act of READER_ACTS) document.addEventListener(act, () => (this.leads = false), { passive: true })
    new TokenInspector(this.panel)
    setInterval(() => this.buffer?.isLive && this.#showNote(), 1000)
    byId("copy-answer").addEventListener("click", () => copyWithNote(byId("copy-answer"), this.buffer.text))
  }

  /** Shows one change of the run on the screen. */
  apply(buffer, change) {
    if (this.buffer !== buffer) this.#begin(buffer)
    if (change.kind === "append") {
      this.answer.append(change.tokens)
      this.announcer.hear(change.tokens.map((token) => token.t).join(""))
    }
    if (["clear", "replace", "lost"].includes(change.kind)) this.answer.replace(buffer.tokens)
    if (change.kind === "end") this.#ended()
    if (change.kind === "error") this.complain(change.message)
    this.#showState()
  }

  complain(message) {
    say(byId("answer-error"), message)
  }

  /** Scrolls to the answer, and keeps its end in sight until the reader does anything else. */
  reveal() {
    this.leads = true
    this.#lead()
  }

  showConnection(state) {
    this.connection = state
    this.#showNote()
  }

  #lead() {
    if (this.leads) this.foot.scrollIntoView({ block: "nearest" })
  }

  #begin(buffer) {
    this.buffer = buffer
    this.answer.run = buffer.run
    this.keeper.restart()
    this.announcer.restart()
    this.complain("")
  }

  #ended() {
    this.announcer.finish(this.buffer.error?.message ?? "Answer complete.")
  }

  #drawn() {
    this.keeper.keep()
    if (this.buffer.isLive) this.#lead()
    byId("facts").textContent = factsOf(this.buffer, performance.now())
  }

  #showState() {
    const { buffer } = this
    this.panel.dataset.status = buffer.status
    this.answer.streaming = buffer.status === "running"
    const isFault = !buffer.isLive && buffer.status !== "cancelled" // that it was stopped says the footer
    this.complain(isFault ? (buffer.error?.message ?? "") : "")
    byId("facts").textContent = factsOf(buffer, performance.now())
    byId("copy-answer").hidden = buffer.text === ""
    byId("again").hidden = buffer.isLive
    this.#showNote()
  }

  #showNote() {
    byId("sign-in").hidden = this.connection !== "signed-out"
    const words = CONNECTION[this.connection] ?? (this.buffer ? waitingWords(this.buffer, performance.now()) : "")
    if (byId("run-note").textContent !== words) byId("run-note").textContent = words
  }
}
