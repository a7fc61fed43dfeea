// One answer of the board in full: its tokens, its receipt and the exact prompt, as on the page of the experiment.

import { byId, say } from "../lib/dom.js";
import { AnswerCard } from "./answer_card.js";
import { connectBranches } from "./branches.js";
import { ExactPrompt } from "./exact_prompt.js";
import { connectReceipts } from "./receipt.js";
import { RunSettings } from "./run_settings.js";
import { Draft } from "../models/draft.js";

export class CellDialog {
  /** `runs` is the RunWatch of the page, `url` the address where runs of the experiment are started. */
  constructor({ runs, url, mayRun }) {
    Object.assign(this, { runs, mayRun, pages: [], at: 0, card: null })
    this.dialog = byId("cell-dialog")
    this.exact = new ExactPrompt({ opened: () => this.#showPrompt() })
    const complain = (message) => this.#complain(message)
    const nothing = new Draft({ title: "", scope: "", spec: { settings: {} } }) // here no prompt is being written
    const { repeat } = connectBranches({ runs, url, draft: nothing, answers: { open: (run) => this.#add(run), complain } })
    new RunSettings({ draft: nothing, exact: this.exact, complain })
    connectReceipts({ show: (run) => this.#add(run), repeat, user: runs.user })
    byId("cell-dialog-close").addEventListener("click", () => this.dialog.close())
    this.dialog.addEventListener("close", () => this.#leave())
    this.dialog.addEventListener("keydown", (event) => event.stopPropagation()) // Esc closes this, and stops no run
    runs.addEventListener("change", ({ detail }) => detail.buffer === this.card?.buffer && this.card.apply(detail.change))
  }

  /** Shows one of the runs of a cell, [id], under a title. */
  async open({ title, input, runs, at = 0 }) {
    byId("cell-dialog-title").textContent = title
    byId("cell-dialog-input").textContent = input
    this.#complain("")
    Object.assign(this, { pages: [...runs], at })
    if (!this.dialog.open) this.dialog.showModal()
    await this.#show()
    this.card?.box.focus()
  }

  close() {
    this.dialog.close()
  }

  /** A branch or a repeat, or the run that it came from: a page more. */
  async #add(run) {
    if (!this.pages.includes(run)) this.pages.push(run)
    this.at = this.pages.indexOf(run)
    await this.#show()
  }

  async #show() {
    const run = this.pages[this.at]
    try {
      const buffer = await this.runs.open(run)
      this.#make().show(buffer, { page: this.at + 1, pages: this.pages.length, mayStop: this.mayRun })
      if (!byId("exact").hidden) await this.exact.showRun(run)
    } catch (error) {
      this.#complain(error.message)
    }
  }

  #make() {
    if (this.card) return this.card
    const none = () => {} // the style sheet hides those buttons
    const stop = () => this.runs.stop(this.pages[this.at])
    this.card = new AnswerCard({ stop, step: (by) => this.#step(by), again: none, restore: none, close: none, drawn: none })
    byId("answers").replaceChildren(this.card.root)
    this.timer = setInterval(() => this.card?.tick(performance.now()), 250)
    return this.card
  }

  #step(by) {
    this.at = Math.max(0, Math.min(this.pages.length - 1, this.at + by))
    this.#show()
  }

  #showPrompt() {
    const run = this.pages[this.at]
    if (run) this.exact.showRun(run).catch((error) => this.#complain(error.message))
  }

  #leave() {
    clearInterval(this.timer)
    this.card?.remove()
    this.card = null
    if (!byId("exact").hidden) byId("exact-toggle").click()
  }

  #complain(message) {
    say(byId("cell-dialog-fault"), message)
  }
}
