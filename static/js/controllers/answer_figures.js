// Under one answer: how surprising each token was as a line of bars, and the figures of the whole.

import { barsOf, lacksFigures, pathOf, summaryOf, summaryWords, surpriseWords } from "../models/token_figures.js";

const EVERY = 250 // ms between drawings while tokens stream
const [COLUMNS, HEIGHT] = [160, 24]

export class AnswerFigures {
  /** `choose(at)` is called when somebody clicks the bar of a token. */
  constructor(place, answer, choose) {
    Object.assign(this, { place, answer, bars: [], timer: null, drawnAt: -EVERY })
    this.spark = place.querySelector("svg")
    this.words = place.querySelector("[data-figure-words]")
    this.none = place.nextElementSibling
    this.spark.setAttribute("viewBox", `0 0 ${COLUMNS} ${HEIGHT}`)
    this.spark.addEventListener("click", (event) => choose(this.#barAt(event)?.at))
    answer.addEventListener("drawn", () => this.#soon())
    answer.addEventListener("replaced", () => (this.drawnAt = -EVERY))
  }

  #soon() {
    clearTimeout(this.timer)
    const wait = this.drawnAt + EVERY - performance.now()
    if (wait <= 0) this.#draw()
    else this.timer = setTimeout(() => this.#draw(), wait)
  }

  #draw() {
    this.drawnAt = performance.now()
    const { tokens } = this.answer
    const summary = summaryOf(tokens)
    this.none.hidden = !lacksFigures(tokens)
    this.place.hidden = !summary
    if (!summary) return
    this.bars = barsOf(tokens, COLUMNS, HEIGHT)
    this.spark.querySelector("path").setAttribute("d", pathOf(this.bars, HEIGHT))
    this.spark.setAttribute("aria-label", surpriseWords(tokens))
    this.words.textContent = summaryWords(summary)
  }

  #barAt({ clientX }) {
    const { left, width } = this.spark.getBoundingClientRect()
    const x = ((clientX - left) / width) * COLUMNS
    return this.bars.findLast((bar) => bar.x <= x)
  }
}
