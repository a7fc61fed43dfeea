// Run and Stop: one button, Ctrl/Cmd+Enter, Ctrl/Cmd+G and Esc. Knows how to submit, not how answers look.

import { byId, say } from "../lib/dom.js";
import { submitRun } from "../lib/submit_run.js";

export class RunButton {
  constructor({ draft, runs, url, answer }) {
    Object.assign(this, { draft, runs, url, answer, submitting: false })
    this.button = byId("run")
    this.button.addEventListener("click", () => (runs.mine ? runs.stop() : this.run()))
    byId("again").addEventListener("click", () => this.run())
    document.addEventListener("keydown", (event) => this.#key(event))
    runs.addEventListener("mine", ({ detail }) => this.#show(detail.live))
    if (/Mac|iPhone|iPad/.test(navigator.platform)) document.querySelector('[data-key="enter"]').textContent = "⌘ ⏎"
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
      this.runs.begin(await submitRun(this.url, { spec }))
      this.answer.reveal()
    } catch (error) {
      say(byId("run-fault"), refusalWords(error))
      byId("run-fault").scrollIntoView({ block: "nearest" })
    } finally {
      this.submitting = false
      this.button.removeAttribute("aria-busy")
    }
  }

  #key(event) {
    const command = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey
    if (command && event.key === "Enter") return this.#take(event, () => this.run())
    if (command && event.key.toLowerCase() === "g") return this.#take(event, () => this.run())
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || document.querySelector(":popover-open")) return
    this.runs.stop()
  }

  #take(event, action) {
    event.preventDefault()
    action()
  }

  #show(live) {
    this.button.dataset.live = String(live)
    this.button.classList.toggle("btn-primary", !live)
  }
}

function refusalWords(error) {
  return error.retryAfter ? `${error.message} Try again in ${error.retryAfter} s.` : error.message
}
