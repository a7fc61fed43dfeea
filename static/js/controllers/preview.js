// Asks the server for the exact prompt while people type: the text, its tokens and the count of every part.

import { requestJson } from "../lib/http.js";
import { debounce } from "../lib/timing.js";

const DELAY = 250 // ms after the last key
const RETRY = 3000 // ms, while the server cannot be reached

export class Preview {
  constructor(draft, url, { onRendered, onRefused }) {
    Object.assign(this, { draft, url, onRendered, onRefused })
    const soon = debounce(() => this.#render(), DELAY)
    draft.addEventListener("change", soon)
    draft.addEventListener("replace", soon)
    this.#render()
  }

  async #render() {
    this.request?.abort()
    clearTimeout(this.retry)
    this.request = new AbortController()
    const { signal } = this.request
    try {
      this.onRendered(await requestJson("POST", this.url, { body: { spec: this.draft.spec }, signal }))
    } catch (error) {
      if (error.name === "AbortError") return
      this.onRefused(error.message)
      if (error.isOffline) this.retry = setTimeout(() => this.#render(), RETRY)
    }
  }
}
