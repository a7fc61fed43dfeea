// Writes the tokens of every example into its row, also of those that the prompt does not hold.

import { setText } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { debounce } from "../lib/timing.js";
import { ExampleCosts } from "../models/example_costs.js";

const DELAY = 600 // ms: first comes the prompt that people wait for

/** Returns { show(prompt), refuse() } for whoever renders the prompt. */
export function connectCosts(draft, grid, url) {
  let request = new AbortController()
  const ask = async (examples) => {
    const body = { spec: { ...draft.spec, examples, input: {} } }
    return (await requestJson("POST", url, { body, signal: request.signal })).examples ?? []
  }
  const costs = new ExampleCosts(draft, ask)
  const draw = () => {
    for (const example of draft.spec.examples) {
      const cell = grid.row(example.id)?.querySelector("[data-tokens]")
      const text = costs.of(example)?.toLocaleString("en") ?? "–"
      if (cell) setText(cell, text)
    }
  }
  const complete = debounce(async () => {
    request.abort()
    request = new AbortController()
    // What cannot be counted stays a dash; why, the prompt itself says.
    await costs.complete(draw).catch(() => {})
  }, DELAY)
  draft.addEventListener("change", complete.cancel)
  return {
    show({ counts }) {
      if (counts) costs.learn(counts.examples)
      draw()
      if (counts) complete()
      else complete.cancel()
    },
    refuse: complete,
  }
}
