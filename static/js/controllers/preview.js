// Asks the server while people type: the count of every part, and the exact prompt while somebody looks at it.

import { requestJson } from "../lib/http.js";
import { debounce } from "../lib/timing.js";

const DELAY = 150 // ms after the last key
const RETRY = 3000 // ms, while the server cannot be reached

export class Preview {
  /** `wantsTokens()` says whether text and tokens are looked at; they are long. */
  constructor(draft, url, { wantsTokens, onRendered, onRefused }) {
    Object.assign(this, { draft, url, wantsTokens, onRendered, onRefused })
    const soon = debounce(() => this.refresh(), DELAY)
    draft.addEventListener("change", soon)
    draft.addEventListener("replace", soon)
    this.refresh()
  }

  async refresh() {
    this.request?.abort()
    clearTimeout(this.retry)
    this.request = new AbortController()
    const { signal } = this.request
    const body = { spec: this.draft.spec, tokens: this.wantsTokens() }
    try {
      this.onRendered(await requestJson("POST", this.url, { body, signal }))
    } catch (error) {
      if (error.name === "AbortError") return
      this.onRefused(error.message)
      if (error.isOffline) this.retry = setTimeout(() => this.refresh(), RETRY)
    }
  }
}
