// What a spec asks the model, as one text to compare: two specs that ask the same have the same text.
// As PromptSpec.asks_hash of playground/specs.py.

import { OFF } from "./presets.js";

const SAMPLING_ONLY = ["temperature", "top_k", "top_p", "min_p", "seed"]
const known = new WeakMap() // number by spec: a board asks for every cell of a column
const numbers = new Map() // of each content, so that comparing cells does not compare long prompts

/** The text of `spec` with the values of `input`. A spec is not edited in place while it is asked for. */
export function asksOf(spec, input) {
  if (!known.has(spec)) known.set(spec, numberOf(JSON.stringify(withoutInput(spec))))
  return `${known.get(spec)} ${JSON.stringify(valuesOf(spec, input))}`
}

function numberOf(content) {
  if (!numbers.has(content)) numbers.set(content, numbers.size)
  return numbers.get(content)
}

function withoutInput(spec) {
  const settings = { ...OFF, seed: null, stop: [], ...spec.settings }
  if (settings.mode === "greedy") for (const name of SAMPLING_ONLY) settings[name] = null
  const shots = spec.examples.filter(({ on }) => on).slice(0, spec.shots ?? undefined)
  return [
    spec.instruction,
    spec.fields,
    spec.output_name,
    shots.map(({ values, output }) => [valuesOf(spec, values), output]),
    spec.layout,
    spec.model,
    Object.entries(settings).sort(([one], [other]) => (one < other ? -1 : 1)),
  ]
}

const valuesOf = (spec, given) => spec.fields.map((name) => given[name] ?? "")
