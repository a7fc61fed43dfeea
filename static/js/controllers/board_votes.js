// Votes under the answers, and the small sheet in which one answer gets a mark and a comment.

import { byId, say } from "../lib/dom.js";
import { beside } from "../lib/beside.js";
import { requestJson } from "../lib/http.js";

export class BoardVotes {
  /** `changed()`: something has to be drawn again; `stored()`: the server knows more; `complain(message)`: it refused. */
  constructor({ verdicts, urls, changed, stored, complain }) {
    Object.assign(this, { verdicts, urls, changed, stored, complain, run: null })
    this.sheet = byId("rating")
    this.marks = byId("rating-marks")
    this.comment = byId("rating-comment")
    this.marks.addEventListener("change", () => this.#rate())
    this.comment.addEventListener("change", () => this.#rate())
    byId("rating-clear").addEventListener("click", () => this.#clear())
    byId("rating-done").addEventListener("click", () => this.sheet.hidePopover())
    this.sheet.addEventListener("keydown", (event) => this.#key(event))
    this.sheet.addEventListener("toggle", ({ newState }) => newState === "closed" && this.button?.focus())
  }

  /** Votes; the same choice again takes the vote back. */
  async vote(run, against, choice) {
    const before = this.verdicts.voteOn(run, against)
    const now = before === choice ? null : choice
    this.verdicts.vote(run, against, now)
    this.changed()
    try {
      await requestJson("PUT", this.urls.votes, { body: { run, against, choice: now } })
      this.complain("")
      this.stored()
    } catch (error) {
      this.verdicts.vote(run, against, before)
      this.changed()
      this.complain(error.message)
    }
  }

  /** Opens the sheet for one answer, beside its button. */
  open(button, run, name) {
    Object.assign(this, { button, run })
    byId("rating-title").textContent = name
    const mine = this.verdicts.ratingOf(run)
    for (const box of this.marks.querySelectorAll("input")) box.checked = Number(box.value) === mine?.mark
    this.comment.value = mine?.comment ?? ""
    say(byId("rating-fault"), "")
    this.sheet.showPopover()
    const size = { width: this.sheet.offsetWidth, height: this.sheet.offsetHeight }
    const { left, top } = beside(button.getBoundingClientRect(), size, { width: innerWidth, height: innerHeight })
    this.sheet.style.setProperty("left", `${left}px`)
    this.sheet.style.setProperty("top", `${top}px`)
    const chosen = this.marks.querySelector(":checked") ?? this.marks.querySelector("input")
    chosen.focus()
  }

  #clear() {
    for (const box of this.marks.querySelectorAll("input")) box.checked = false
    this.comment.value = ""
    this.#rate()
  }

  /** A digit is a mark, wherever the keyboard is but in the comment. */
  #key(event) {
    event.stopPropagation() // Esc closes this, and stops no run
    if (event.target === this.comment || !/^[1-5]$/.test(event.key)) return
    const box = this.marks.querySelector(`[value="${event.key}"]`)
    box.checked = true
    box.focus()
    this.#rate()
  }

  async #rate() {
    const { run } = this
    const mark = Number(this.marks.querySelector(":checked")?.value) || null
    const body = { mark, comment: this.comment.value.trim() }
    try {
      await requestJson("PUT", `/runs/${run}/rating`, { body })
      this.verdicts.rate(run, mark || body.comment ? body : null)
      say(byId("rating-fault"), "")
      this.changed()
      this.stored()
    } catch (error) {
      say(byId("rating-fault"), error.message)
    }
  }
}
