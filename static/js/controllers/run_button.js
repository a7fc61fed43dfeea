// Run and Stop: one button, Ctrl/Cmd+Enter, Ctrl/Cmd+G and Esc. Knows how to submit, not how answers look.

import { byId, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { uniqueId } from "../lib/unique.js";
import { commands } from "../models/commands.js";

const TRIES = 3

export class RunButton {
  constructor({ draft, runs, url, answer }) {
    Object.assign(this, { draft, runs, url, answer, submitting: false })
    this.button = byId("run")
    this.button.addEventListener("click", () => (runs.mine ? runs.stop() : this.run()))
    byId("again").addEventListener("click", () => this.run())
    commands.add({ id: "run", group: "Run", title: "Run the prompt", keys: "Mod+Enter", when: () => !runs.mine, run: () => this.run() })
    commands.add({ id: "again", group: "Run", title: "Run once more", keys: "Mod+G", when: () => !runs.mine, run: () => this.run() })
    commands.add({ id: "stop", group: "Run", title: "Stop my run", keys: "Escape", when: () => Boolean(runs.mine), run: () => runs.stop() })
    runs.addEventListener("mine", ({ detail }) => this.#show(detail.live))
    this.#show(false)
  }

  /** Submits the prompt as it is on the page. */
  async run() {
    if (this.submitting || this.runs.mine) return
    this.submitting = true
    this.button.setAttribute("aria-busy", "true")
    say(byId("run-fault"), "")
    const spec = structuredClone(this.draft.spec)
    try {
      const { run } = await this.#submit(spec)
      this.runs.begin(run)
      this.answer.reveal()
    } catch (error) {
      say(byId("run-fault"), refusalWords(error))
      byId("run-fault").scrollIntoView({ block: "nearest" })
    } finally {
      this.submitting = false
      this.button.removeAttribute("aria-busy")
    }
  }

  /** The same key every time: an answer that got lost on its way must not become a second run. */
  async #submit(spec) {
    const headers = { "Idempotency-Key": uniqueId() }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await requestJson("POST", this.url, { body: { spec }, headers })
      } catch (error) {
        if (!error.isOffline || attempt === TRIES) throw error
        await new Promise((go) => setTimeout(go, 400 * attempt))
      }
    }
  }

  #show(live) {
    this.button.dataset.live = String(live)
    this.button.classList.toggle("btn-primary", !live)
  }
}

function refusalWords(error) {
  return error.retryAfter ? `${error.message} Try again in ${error.retryAfter} s.` : error.message
}
