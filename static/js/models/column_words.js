// A column of a comparison in words: what it is, and what sets it apart from the column it is compared with.

import { amountWords, compareTexts, NAMES } from "./difference.js";
import { OFF } from "./presets.js";
import { placedCount, shotName } from "./run_plan.js";

const SPOKEN = { ...NAMES, min_p: "min-p", repetition_penalty: "repetition penalty", presence_penalty: "presence penalty", frequency_penalty: "frequency penalty" }
const SAMPLING_ONLY = new Set(["temperature", "top_k", "top_p", "min_p", "seed"])
const NEVER = { top_k: 0, top_p: 1 } // at which a cut does nothing

/** Generation settings as a short line: what acts, in the order of use. */
export function settingsLine(settings) {
  const said = [settings.mode === "greedy" ? "greedy" : `temperature ${settings.temperature}`]
  if (settings.mode === "sample") {
    for (const name of ["top_k", "top_p"]) if (settings[name] !== NEVER[name]) said.push(`${SPOKEN[name]} ${settings[name]}`)
  }
  for (const [name, off] of Object.entries(OFF)) {
    if (name === "min_p" && settings.mode === "greedy") continue
    if ((settings[name] ?? off) !== off) said.push(`${SPOKEN[name]} ${settings[name]}`)
  }
  said.push(`at most ${settings.max_new_tokens.toLocaleString("en")} tokens`)
  if (settings.stop?.length) said.push(`stop at ${valueWords(settings.stop)}`)
  if (settings.mode === "sample" && settings.seed !== null && settings.seed !== undefined) said.push(`seed ${settings.seed}`)
  return said.join(" · ")
}

export const shotsLine = (spec) => shotName(placedCount(spec))

/** In what `spec` differs from `base`, as a list of short phrases; empty when both ask the same. */
export function differences(base, spec, titleOf = (model) => model) {
  return [
    ...changed("model", titleOf(base.model), titleOf(spec.model)),
    ...promptDifferences(base, spec),
    ...exampleDifferences(base, spec),
    ...settingDifferences(base.settings, spec.settings),
  ]
}

function promptDifferences(base, spec) {
  const said = changed("layout", base.layout, spec.layout)
  if (base.instruction !== spec.instruction) {
    said.push(base.instruction && spec.instruction ? `instruction: ${amountWords(compareTexts(base.instruction, spec.instruction))}` : spec.instruction ? "has an instruction" : "no instruction")
  }
  said.push(...changed("fields", base.fields.join(", "), spec.fields.join(", ")))
  return [...said, ...changed("output", base.output_name, spec.output_name)]
}

function exampleDifferences(base, spec) {
  const [before, after] = [base, spec].map(placedCount)
  if (before !== after) return [`${before} → ${after} ${after === 1 ? "shot" : "shots"}`, ...(sameBegin(base, spec) ? [] : ["other examples"])]
  return sameBegin(base, spec) ? [] : ["other examples"]
}

/** Whether the shots that both could have are the same. */
function sameBegin(base, spec) {
  const shots = [base, spec].map((one) => one.examples.filter(({ on }) => on).slice(0, placedCount(one)))
  const count = Math.min(...shots.map(({ length }) => length))
  const [one, other] = shots.map((list) => JSON.stringify(list.slice(0, count).map(({ values, output }) => [Object.entries(values).sort(), output])))
  return one === other
}

function settingDifferences(before, after) {
  const said = []
  if (before.mode !== after.mode) said.push(after.mode === "greedy" ? "greedy" : `samples at temperature ${after.temperature}`)
  for (const [name, spoken] of Object.entries(SPOKEN)) {
    if (name === "mode") continue
    const acts = !SAMPLING_ONLY.has(name) || (before.mode === "sample" && after.mode === "sample")
    if (acts) said.push(...changed(spoken, valueWords(before[name] ?? OFF[name]), valueWords(after[name] ?? OFF[name])))
  }
  return said
}

const changed = (name, before, after) => (before === after ? [] : [`${name} ${before} → ${after}`])

function valueWords(value) {
  if (value === null || value === undefined) return "new each run"
  if (Array.isArray(value)) return value.length ? value.map((one) => JSON.stringify(one)).join(", ") : "none"
  return String(value)
}
