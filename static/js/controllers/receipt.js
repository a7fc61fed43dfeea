// What the server says of a run beside its answer: where it came from, how a repeat compares, and the receipt.

import { copyWithNote } from "../lib/dom.js";
import { fetchFragment } from "../lib/fragment.js";

export class Receipt {
  /** `place` is filled for the run that `hear` is told of; `show(run)` and `repeat(run)` are what its buttons do. */
  constructor(place, { show, repeat }) {
    Object.assign(this, { place, run: null, isLive: false, asked: null })
    place.addEventListener("click", ({ target }) => {
      const button = target.closest("button")
      if (button?.dataset.show) show(button.dataset.show)
      if (button?.dataset.repeat) repeat(button.dataset.repeat)
      if (button && "copy" in button.dataset) copyWithNote(button, button.parentElement.querySelector("code").textContent)
    })
  }

  /** Something happened to the run that is shown ({ run, isLive }). */
  hear({ run, isLive }) {
    if (run === this.run && isLive === this.isLive) return
    if (run !== this.run) this.place.replaceChildren()
    Object.assign(this, { run, isLive })
    this.#fetch()
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
