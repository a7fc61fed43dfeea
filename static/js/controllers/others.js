// Runs that others in the room start: a card for each person among the answers, and a quiet line when it is out of sight.

import { byId } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { startedWords } from "../models/run_words.js";
import { LIVE } from "../models/token_buffer.js";

export class Others {
  /** `url` is the address of the history. */
  constructor({ runs, answers, history, url }) {
    Object.assign(this, { runs, answers, history, url })
    this.left = new Set() // people whose card was closed: the line tells of them, and brings them back
    this.told = new Map() // run -> person, in the line
    answers.addEventListener("left", ({ detail }) => this.left.add(detail.person.id))
    runs.addEventListener("ended", ({ detail }) => this.#forget(detail.run))
    byId("others-watch").addEventListener("click", () => this.#watch())
  }

  /** News of a run: it is there, or it has ended. */
  async hear({ row }) {
    this.history.hear(row)
    if (!LIVE.has(row.status)) return this.#forget(row.id)
    if (!(await this.runs.knows(row))) await this.#meet(row, () => this.runs.meet(row))
  }

  /** Asks for what is being written, because news may have been missed. */
  async look() {
    this.history.refreshSoon()
    const { runs } = await requestJson("GET", `${this.url}?outcome=live`)
    for (const row of runs.toReversed()) if (!(await this.runs.knows(row))) await this.#meet(row, () => {})
  }

  async #meet({ id, user_id: user, user_name: name }, follow) {
    const person = { id: user, name }
    if (this.left.has(user)) return this.#tell(id, person)
    const card = await this.answers.meet(person, id, follow)
    if (!card || !this.answers.isInSight(card)) this.#tell(id, person)
  }

  #tell(run, person) {
    this.told.set(run, person)
    this.#show()
  }

  #forget(run) {
    if (this.told.delete(run)) this.#show()
  }

  /** Goes to the run that was started last. */
  async #watch() {
    const [run, person] = [...this.told].at(-1)
    this.told.clear()
    this.#show()
    this.left.delete(person.id)
    const card = await this.answers.meet(person, run, () => {})
    if (card) this.answers.lead(card)
    else await this.answers.open(run)
  }

  #show() {
    const people = new Map([...this.told.values()].map((person) => [person.id, person]))
    const names = [...people.values()].map(({ id, name }) => (id === this.runs.user ? "You, on another page," : name))
    byId("others-words").textContent = startedWords(names)
    byId("others-watch").hidden = names.length === 0
  }
}
