// What blind votes were about, once they are in: one's own, and the results of all.

import { byId, element, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { ownTally, tallyWords } from "../models/ballot_box.js";
import { Results } from "./results.js";

const LONGEST = 160 // characters of a text in the list

export class BlindEnd {
  /** `again()` takes the last vote back. */
  constructor({ box, urls, again }) {
    Object.assign(this, { box, urls, results: new Results(urls.results) })
    byId("blind-again").addEventListener("click", again)
  }

  async show() {
    try {
      const skipped = [...this.box.skipped]
      const { pairs } = await requestJson("POST", this.urls.reveal, { body: { skipped } })
      const results = await this.results.load()
      if (!results) return // its own place says why
      this.#draw(pairs, results)
    } catch (error) {
      say(byId("blind-fault"), error.message)
    }
  }

  #draw(pairs, { baseline, columns }) {
    const named = new Map(columns.map(({ key, letter, title }) => [key, { letter, title }]))
    const base = named.get(baseline).letter
    const tallies = ownTally(pairs, baseline).map((tally) => tallyWords(tally, named.get(tally.column).letter, base))
    byId("blind-tally").replaceChildren(...tallies.sort().map((text) => element("li", { text: `You chose: ${text}` })))
    const shown = new Map(this.box.pairs.map((pair) => [pair.key, pair]))
    byId("blind-told").replaceChildren(...pairs.map((pair) => told(pair, shown.get(pair.key), named)))
    byId("blind-again").hidden = this.box.last === null
    byId("blind-booth").hidden = true
    byId("blind-end").hidden = false
    byId("blind-end-title").focus()
  }
}

function told({ choice, columns }, { input, answers }, named) {
  const line = fromTemplate("blind-told-template")
  const part = (name) => line.querySelector(`[data-part="${name}"]`)
  part("input").textContent = short(Object.values(input ?? {}).filter(Boolean).join(" · "))
  for (const [at, side] of ["first", "second"].entries()) {
    const { letter, title } = named.get(columns[at])
    const chosen = choice === side
    const name = `${letter}${title && ` (${title})`}${chosen ? ", your choice" : ""}`
    part(side).append(element("strong", { text: name }), ` ${short(answers[at]) || "(empty)"}`)
    part(side).classList.toggle("is-chosen", chosen)
  }
  if (choice === "tie" || choice === "both_bad") line.append(element("p", { class: "quiet", text: choice === "tie" ? "Tie" : "Both are bad" }))
  return line
}

const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)
