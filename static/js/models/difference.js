// What differs between two runs: words of their texts, and settings.

import { diffArrays } from "../../vendor/diff/array.js";
import { placedCount, shotName } from "./run_plan.js";

const PATIENCE = 1500 // ms; texts that have little in common take long to compare, and nobody reads the result

/** `before` and `after` as pieces, [{ kind: "same" | "deleted" | "inserted", text }]. */
export function compareTexts(before, after) {
  const changes = diffArrays(wordsOf(before), wordsOf(after), { timeout: PATIENCE })
  if (!changes) return [{ kind: "deleted", text: before }, { kind: "inserted", text: after }]
  return changes.map(({ removed, added, value }) => ({
    kind: removed ? "deleted" : added ? "inserted" : "same",
    text: value.join(""),
  }))
}

/** Words, each with the space before it, and line breaks by themselves; in every script that the browser knows. */
export function wordsOf(text) {
  const words = []
  let space = ""
  for (const { segment, isWordLike } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
    const isSpace = !isWordLike && /^[^\S\n\r]+$/.test(segment)
    if (isSpace) space += segment
    else {
      if (space && !isWordLike) words.push(space, segment)
      else words.push(space + segment)
      space = ""
    }
  }
  return space ? [...words, space] : words
}

/** How much differs, as a sentence. */
export function amountWords(pieces) {
  const count = (kind) => pieces.filter((piece) => piece.kind === kind).flatMap(({ text }) => wordsOf(text)).filter((word) => word.trim()).length
  const [deleted, inserted] = [count("deleted"), count("inserted")]
  if (pieces.every(({ kind }) => kind === "same")) return "the same in both"
  if (!deleted && !inserted) return "only spaces differ"
  return [[deleted, "deleted"], [inserted, "inserted"]].filter(([number]) => number).map(([number, name]) => `${number} ${name}`).join(", ")
}

export const NAMES = {
  mode: "decoding",
  max_new_tokens: "max new tokens",
  temperature: "temperature",
  top_k: "top-k",
  top_p: "top-p",
  min_p: "min-p",
  repetition_penalty: "repetition penalty",
  presence_penalty: "presence penalty",
  frequency_penalty: "frequency penalty",
  stop: "stop strings",
  seed: "seed",
}

/** The settings in which two runs differ, [{ name, before, after }]. */
export function settingsThatDiffer(before, after) {
  const [one, other] = [before, after].map(settingsOf)
  return Object.keys(one)
    .map((name) => ({ name, before: one[name], after: other[name] }))
    .filter((row) => row.before !== row.after)
}

function settingsOf({ model, spec, settings }) {
  const rows = Object.entries(NAMES).map(([key, name]) => [name, valueWords(settings[key])])
  return { model, layout: spec.layout, shots: shotName(placedCount(spec)), ...Object.fromEntries(rows) }
}

function valueWords(value) {
  if (value === null || value === undefined) return "not used"
  if (Array.isArray(value)) return value.length ? value.map((one) => JSON.stringify(one)).join(", ") : "none"
  return String(value)
}
