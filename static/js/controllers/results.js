// The results under a comparison: sentences first, the table behind them.

import { byId, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { debounce } from "../lib/timing.js";
import { isDecided, notes, rowWords } from "../models/result_words.js";

const SETTLING = 400 // ms; several votes and runs come together

export class Results {
  /** Shows what `url` answers; call refresh when votes, ratings or answers have changed. */
  constructor(url) {
    this.url = url
    this.refresh = debounce(() => this.load(), SETTLING)
  }

  /** Resolves with the results, or with null when they cannot be had; then the place of results says why. */
  async load() {
    this.request?.abort()
    this.request = new AbortController()
    try {
      const results = await requestJson("GET", this.url, { signal: this.request.signal })
      this.#draw(results)
      say(byId("results-fault"), "")
      return results
    } catch (error) {
      if (error.name !== "AbortError") say(byId("results-fault"), error.message)
      return null
    }
  }

  #draw(results) {
    const others = results.columns.filter((column) => column.against_baseline)
    byId("results-verdicts").replaceChildren(...others.map(verdict))
    byId("results-rows").replaceChildren(...results.columns.map(row))
    byId("results-table").hidden = false
    byId("results-notes").textContent = notes(results)
  }
}

function verdict({ letter, against_baseline: found }) {
  const line = fromTemplate("verdict-template")
  line.classList.toggle("is-decided", isDecided(found))
  line.querySelector(".verdict-letter").textContent = letter
  line.querySelector(".verdict-words").textContent = found.sentence
  return line
}

function row(column) {
  const made = fromTemplate("result-row-template")
  const part = (name) => made.querySelector(`[data-part="${name}"]`)
  part("letter").textContent = column.letter
  part("title").textContent = column.title
  for (const [name, words] of Object.entries(rowWords(column))) part(name).textContent = words
  const interval = column.against_baseline?.interval
  part("bar").hidden = !interval
  if (interval) {
    part("bar").style.setProperty("--low", interval[0])
    part("bar").style.setProperty("--high", interval[1])
    part("bar").style.setProperty("--share", column.against_baseline.preferred)
  }
  return made
}
