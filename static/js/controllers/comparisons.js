// The panel of comparisons on the page of an experiment: make one from the prompt as it is, open one, delete one.

import { onAct } from "../lib/acts.js";
import { byId, element, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { commands } from "../models/commands.js";
import { comparisonWords, ladderOf, oneOf } from "../models/comparison_plan.js";
import { faultInLadder, rungs } from "../models/run_plan.js";

export class Comparisons {
  /** `url` lists the comparisons of the experiment and makes new ones. */
  constructor({ draft, url }) {
    Object.assign(this, { draft, url, gone: null })
    this.dialog = byId("comparisons")
    this.list = byId("comparisons-list")
    onAct("compare", () => this.open())
    byId("compare-new")?.addEventListener("click", () => this.#make(oneOf(draft)))
    byId("compare-ladder")?.addEventListener("click", () => this.#climb())
    byId("comparisons-undo").addEventListener("click", () => this.#try(() => this.#restore()))
    this.#register()
  }

  async open() {
    if (!this.dialog.open) this.dialog.showModal()
    if (byId("compare-rungs")) byId("compare-rungs").textContent = rungs(this.draft.spec).join(" · ")
    await this.#try(() => this.#load())
  }

  #register() {
    const when = () => Boolean(byId("compare-new"))
    const group = "Experiment"
    commands.add({ id: "comparisons", group, title: "Comparisons", run: () => this.open() })
    commands.add({ id: "compare-new", group, title: "Compare this prompt with a variant", when, run: () => this.#make(oneOf(this.draft)) })
    commands.add({ id: "compare-ladder", group, title: "Compare zero, one and all shots", when, run: () => this.#climb() })
  }

  async #load() {
    const { comparisons } = await requestJson("GET", this.url)
    this.list.replaceChildren(...comparisons.map((one) => this.#line(one)))
    if (!this.gone) this.#say(comparisons.length ? "" : "No comparison yet.")
  }

  #line(comparison) {
    const line = fromTemplate("comparison-line-template")
    const link = line.querySelector("[data-link]")
    link.href = comparison.url
    link.textContent = comparison.title
    line.querySelector("[data-facts]").textContent = comparisonWords(comparison)
    const button = line.querySelector("[data-delete]")
    button?.append(element("span", { class: "visually-hidden", text: `Delete ${comparison.title}` }))
    button?.addEventListener("click", () => this.#try(() => this.#delete(comparison)))
    return line
  }

  async #delete(comparison) {
    await requestJson("DELETE", comparison.url)
    this.gone = comparison
    await this.#load()
    this.#say(`Deleted “${comparison.title}”.`, true)
    byId("comparisons-undo").focus()
  }

  async #restore() {
    await requestJson("POST", `${this.gone.url}restore`)
    this.gone = null
    await this.#load()
    this.list.querySelector("a")?.focus()
  }

  #climb() {
    const fault = faultInLadder(this.draft.spec)
    if (!fault) return this.#make(ladderOf(this.draft))
    if (!this.dialog.open) this.open()
    say(byId("comparisons-fault"), fault)
  }

  #make(body) {
    return this.#try(async () => {
      const { comparison } = await requestJson("POST", this.url, { body })
      location.assign(comparison.url)
    })
  }

  #say(words, withUndo = false) {
    byId("comparisons-words").textContent = words
    byId("comparisons-undo").hidden = !withUndo
  }

  async #try(action) {
    say(byId("comparisons-fault"), "")
    try {
      await action()
    } catch (error) {
      if (!this.dialog.open) this.dialog.showModal()
      say(byId("comparisons-fault"), error.message)
    }
  }
}
