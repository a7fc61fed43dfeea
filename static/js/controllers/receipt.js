// What the server says of a run beside its answer: where it came from, how a repeat compares, and the receipt.

import { byId, copyWithNote } from "../lib/dom.js";
import { fetchFragment } from "../lib/fragment.js";

const SPREAD = 3000 // ms over which the pages of a room ask for what all of them saw end in one moment

/** Gives each card of answers a receipt. `show(run)` and `repeat(run)` are what its buttons do, `user` is the reader's id. */
export function connectReceipts(acts) {
  const receipts = new WeakMap() // by card
  byId("answers").addEventListener("answer-state", ({ target: card, detail: { buffer } }) => {
    if (!receipts.has(card)) receipts.set(card, new Receipt(card.querySelector("[data-receipt]"), acts))
    receipts.get(card).hear(buffer)
  })
}

class Receipt {
  /** `place` is filled for the run that `hear` is told of. */
  constructor(place, { show, repeat, user }) {
    Object.assign(this, { place, user, run: null, isLive: false, asked: null })
    place.addEventListener("click", ({ target }) => {
      const button = target.closest("button")
      if (button?.dataset.show) show(button.dataset.show)
      if (button?.dataset.repeat) repeat(button.dataset.repeat)
      if (button && "copy" in button.dataset) copyWithNote(button, button.parentElement.querySelector("code").textContent)
    })
  }

  /** Something happened to the run that is shown ({ run, isLive, about }). */
  hear({ run, isLive, about }) {
    if (run === this.run && isLive === this.isLive) return
    const hasEnded = run === this.run
    if (run !== this.run) this.place.replaceChildren()
    Object.assign(this, { run, isLive })
    clearTimeout(this.timer)
    if (about.user === this.user) return this.#fetch()
    if (!isLive) this.timer = setTimeout(() => this.#fetch(), hasEnded ? SPREAD * Math.random() : 0)
  }

  async #fetch() {
    this.asked?.abort()
    const asked = (this.asked = new AbortController())
    const wasOpen = this.place.querySelector("details")?.open
    const nodes = await fetchFragment(`/runs/${this.run}/receipt`, asked.signal)
    if (asked.signal.aborted) return
    this.place.replaceChildren(...nodes)
    const fold = this.place.querySelector("details")
    if (fold && wasOpen) fold.open = true
  }
}
