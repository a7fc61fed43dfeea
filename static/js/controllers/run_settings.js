// What the run of each card was really asked with: its effective settings, the seed that was drawn, its exact prompt.

import { byId, fromTemplate } from "../lib/dom.js";

export class RunSettings {
  constructor({ draft, exact, complain }) {
    Object.assign(this, { draft, exact, complain, buffers: new WeakMap() })
    byId("answers").addEventListener("answer-state", ({ target, detail }) => this.#show(target, detail.buffer))
    draft.addEventListener("change", () => this.#showSeeds())
  }

  #show(card, buffer) {
    const known = card.querySelector(".run-settings")
    const part = known ?? this.#make(card)
    if (!known) card.querySelector(".answer-parts").prepend(part)
    this.buffers.set(part, buffer)
    part.hidden = !buffer.about.settings
    const words = part.querySelector("[data-words]")
    words.textContent = words.title = buffer.about.settingsWords ?? ""
    this.#showSeed(part)
  }

  #make(card) {
    const part = fromTemplate("run-settings-template")
    part.querySelector("[data-keep-seed]").addEventListener("click", () => this.#keepSeed(part))
    part.querySelector("[data-prompt]").addEventListener("click", () =>
      this.exact.showRun(card.dataset.run).catch((error) => this.complain(error.message)),
    )
    return part
  }

  #showSeeds() {
    for (const part of byId("answers").querySelectorAll(".run-settings")) this.#showSeed(part)
  }

  /** A drawn seed is worth keeping only while the page would draw another one. */
  #showSeed(part) {
    const { settings } = this.buffers.get(part).about
    const isKept = this.draft.spec.settings.seed === settings?.seed
    part.querySelector("[data-keep-seed]").hidden = !settings?.seed_drawn || isKept
  }

  #keepSeed(part) {
    const { seed } = this.buffers.get(part).about.settings
    this.draft.rewrite(({ spec }) => (spec.settings.seed = seed))
    part.querySelector("[data-prompt]").focus()
  }
}
