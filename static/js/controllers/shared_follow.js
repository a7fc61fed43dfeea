// A live page with an answer that is still being written: asks for its text now and then until it has ended.

import { LIVE } from "../models/token_buffer.js";

const EVERY = 2000 // ms; the text is stored every few seconds
const SLOWEST = 30_000

export class SharedFollow {
  /** Follows the document at `url`; `runs` are those that the page shows. */
  constructor(url, runs) {
    Object.assign(this, { url, runs, tag: "", wait: EVERY })
    this.#later()
  }

  #later() {
    setTimeout(() => (document.hidden ? this.#later() : this.#look()), this.wait)
  }

  async #look() {
    try {
      const response = await fetch(this.url, { headers: { "If-None-Match": this.tag, Accept: "application/json" } })
      this.wait = EVERY
      if (response.status === 200) this.#show(response.headers.get("ETag"), await response.json())
      else if (response.status === 404) return location.reload() // it was revoked, or has expired
    } catch {
      this.wait = Math.min(SLOWEST, this.wait * 2) // offline
    }
    this.#later()
  }

  #show(tag, { document: shown, live }) {
    this.tag = tag
    if (!live || shown.runs.length !== this.runs.length) return location.reload()
    for (const [index, run] of shown.runs.entries()) {
      const known = this.runs[index]
      if (run.status !== known.status && !LIVE.has(run.status)) return location.reload()
      if (run.text === known.text) continue
      known.text = run.text
      document.querySelector(`[data-run="${index + 1}"] answer-text`).replace([{ t: run.text }])
    }
  }
}
