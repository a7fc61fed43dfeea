// Scores a text that people bring: how likely the model finds it as the answer to the prompt, token by token.

import { byId, say, setText } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { summaryOf, summaryWords } from "../models/token_figures.js";
import { promptKey } from "../models/token_probe.js";
import "../elements/answer_text.js";

export class ScoreText {
  constructor({ draft, url, models }) {
    Object.assign(this, { draft, url, models })
    this.text = byId("score-text")
    this.button = byId("score-button")
    this.button.addEventListener("click", () => this.#score())
    this.text.addEventListener("input", () => this.#hint())
    for (const kind of ["change", "replace"]) draft.addEventListener(kind, () => this.#hint())
    this.#hint()
  }

  showModels(models) {
    this.models = models
    this.#hint()
  }

  async #score() {
    const question = this.#question()
    this.button.disabled = true
    say(byId("score-fault"), "")
    byId("score-note").textContent = "Asking the model…"
    try {
      const body = { spec: this.draft.spec, text: this.text.value }
      const { tokens } = await requestJson("POST", this.url, { body })
      this.#show(tokens, question)
    } catch (error) {
      say(byId("score-fault"), error.message)
    }
    this.button.disabled = false
    this.#hint()
  }

  #show(tokens, question) {
    this.scored = question
    byId("score-found").hidden = false
    byId("scored").replace(tokens)
    const count = `${tokens.length.toLocaleString("en")} token${tokens.length === 1 ? "" : "s"}`
    byId("score-facts").textContent = `${count} · ${summaryWords(summaryOf(tokens))}`
  }

  #question() {
    return `${promptKey(this.draft.spec)} ${this.text.value}`
  }

  /** Beside the button: what is worth knowing before it is pressed. */
  #hint() {
    const { layout, model } = this.draft.spec
    const lack = this.models.find(({ name }) => name === model)?.lacks?.score
    const isStale = this.scored !== undefined && this.scored !== this.#question()
    const wantsSpace = layout === "plain" && /^\S/.test(this.text.value)
    const words = [lack, isStale && "The prompt or the text has changed since it was scored.", wantsSpace && "In the plain layout answers begin with a space."]
    setText(byId("score-note"), words.filter(Boolean).join(" "))
    this.button.disabled = this.text.value === "" || Boolean(lack)
  }
}
