// One pair of answers after the other: shows it, takes the vote, sends it under the key of the pair.

import { byId, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";

const CHOICES = [
  ["first", "1", "Answer 1 is better"],
  ["second", "2", "Answer 2 is better"],
  ["tie", "3", "Tie"],
  ["both_bad", "4", "Both are bad"],
]
const ARROWS = { ArrowLeft: "first", ArrowRight: "second" } // the answers stand left and right

export class BlindBooth {
  /** `nothing` is how many pairs were left out because both answers are the same; `finished` is called at the end. */
  constructor({ box, urls, commands, finished, nothing }) {
    Object.assign(this, { box, urls, finished, nothing, busy: false })
    this.place = byId("blind-booth")
    this.place.addEventListener("click", ({ target }) => {
      const choice = target.closest("[data-choice]")?.dataset.choice
      if (choice) this.vote(choice)
    })
    byId("blind-undo").addEventListener("click", () => this.undo())
    byId("blind-skip").addEventListener("click", () => this.skip())
    byId("blind-finish").addEventListener("click", () => this.finished())
    this.#connectKeys(commands)
  }

  #connectKeys(commands) {
    const when = () => this.#isOpen
    for (const [choice, keys, title] of CHOICES) {
      commands.add({ id: `blind-${choice}`, group: "Vote", title, keys, when, run: () => this.vote(choice) })
    }
    commands.add({ id: "blind-skip", group: "Vote", title: "Skip this pair", keys: "S", when, run: () => this.skip() })
    commands.add({ id: "blind-undo", group: "Vote", title: "Undo the last vote", keys: "U", when: () => this.box.last !== null, run: () => this.undo() })
    document.addEventListener("keydown", (event) => {
      const free = !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey
      const covered = document.querySelector("dialog[open], :popover-open") !== null
      if (!free || covered || !this.#isOpen || !ARROWS[event.key]) return
      event.preventDefault()
      this.vote(ARROWS[event.key])
    })
  }

  get #isOpen() {
    return !this.place.hidden && this.box.current !== null
  }

  draw() {
    const pair = this.box.current
    byId("blind-nothing").hidden = this.box.total > 0
    this.place.hidden = pair === null
    if (this.box.total === 0) this.#drawNothing()
    else if (pair === null) this.finished()
    else this.#drawPair(pair)
  }

  #drawPair({ input, answers }) {
    byId("blind-end").hidden = true
    byId("blind-progress").max = this.box.total
    byId("blind-progress").value = this.box.done
    byId("blind-place").textContent = `Pair ${this.box.done + 1} of ${this.box.total}${this.box.isSecondRound ? ", skipped before" : ""}`
    byId("blind-input").replaceChildren(...Object.entries(input ?? {}).map(field))
    showText(byId("blind-first"), answers[0])
    showText(byId("blind-second"), answers[1])
    byId("blind-undo").disabled = this.box.last === null
    byId("blind-finish").hidden = !this.box.isSecondRound || this.box.done === 0
  }

  #drawNothing() {
    const same = this.nothing
    byId("blind-nothing-title").textContent = same ? "Nothing to choose between" : "Nothing to judge yet"
    byId("blind-nothing-words").textContent = same
      ? `In all ${same} rows that were answered both sides say the same.`
      : "Run the baseline and at least one other column; a vote needs an answer of each."
  }

  vote(choice) {
    return this.#send(this.box.current.key, choice, () => this.box.vote(choice))
  }

  /** Takes the last vote of this visit back and shows its pair again. */
  undo() {
    if (this.box.last === null) return undefined
    return this.#send(this.box.last, null, () => this.box.undo())
  }

  skip() {
    if (this.busy) return
    this.box.skip()
    this.draw()
  }

  /** Only a vote that the server has counts; one that did not arrive leaves the page as it is. */
  async #send(key, choice, done) {
    if (this.busy) return
    this.busy = true
    try {
      await requestJson("PUT", this.urls.blind, { body: { key, choice } })
      say(byId("blind-fault"), "")
      done()
      this.draw()
    } catch (error) {
      say(byId("blind-fault"), error.status === 404 ? "This pair has changed meanwhile. Load the page again to go on." : error.message)
    }
    this.busy = false
  }
}

function field([name, text]) {
  const made = fromTemplate("blind-field-template")
  made.querySelector(".label").textContent = name
  showText(made.querySelector(".blind-text"), text)
  return made
}

function showText(place, text) {
  place.textContent = text || "(empty)"
  place.classList.toggle("quiet", !text)
  place.scrollTop = 0
}
