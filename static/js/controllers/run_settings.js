// What the shown run was really asked with: its effective settings, the seed that was drawn, its exact prompt.

import { byId, say } from "../lib/dom.js";

export class RunSettings {
  constructor({ draft, runs, exact }) {
    Object.assign(this, { draft, runs, buffer: null })
    runs.addEventListener("change", ({ detail }) => detail.buffer !== this.buffer && this.#show(detail.buffer))
    draft.addEventListener("change", () => this.#showSeed())
    byId("keep-seed").addEventListener("click", () => this.#keepSeed())
    byId("run-prompt").addEventListener("click", () =>
      exact.showRun(runs.shown).catch((error) => say(byId("run-fault"), error.message)),
    )
  }

  #show(buffer) {
    this.buffer = buffer
    byId("run-settings").hidden = !buffer.settings
    byId("run-settings-words").textContent = buffer.settingsWords
    this.#showSeed()
  }

  /** A drawn seed is worth keeping only while the page would draw another one. */
  #showSeed() {
    const drawn = this.buffer?.settings?.seed_drawn
    byId("keep-seed").hidden = !drawn || this.draft.spec.settings.seed === this.buffer.settings.seed
  }

  #keepSeed() {
    this.draft.rewrite(({ spec }) => (spec.settings.seed = this.buffer.settings.seed))
    byId("run-prompt").focus()
  }
}
