// Load and Unload beside the model. What may be asked comes from the server; viewers have no button.

import { byId, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { wishWords } from "../models/model_words.js";

export class ModelWish {
  /** `asked` is called once the server has taken a wish; the button rests until the models were looked at. */
  constructor({ draft, url, asked }) {
    Object.assign(this, { draft, url, asked, models: [] })
    this.button = byId("model-wish")
    this.button?.addEventListener("click", () => this.#ask())
    for (const kind of ["change", "replace"]) draft.addEventListener(kind, () => this.#show())
  }

  showModels(models) {
    this.models = models
    if (this.button) this.button.disabled = false
    this.#show()
  }

  get #model() {
    return this.models.find((one) => one.name === this.draft.spec.model)
  }

  #show() {
    if (!this.button) return
    const name = this.#model?.name
    if (this.button.dataset.model !== name) say(byId("model-fault"), "")
    this.button.dataset.model = name
    say(this.button, this.#model ? wishWords(this.#model) : "")
  }

  async #ask() {
    const { name, can } = this.#model
    say(byId("model-fault"), "")
    this.button.disabled = true
    try {
      await requestJson("POST", `${this.url}models/${encodeURIComponent(name)}/${can}`)
      this.asked()
    } catch (error) {
      say(byId("model-fault"), error.message)
      this.button.disabled = false
    }
  }
}
