// What differs between two prompts: settings, texts word by word, and examples row by row. Knows no page.

import { compareTexts, settingsThatDiffer } from "./difference.js";
import { movedKeys } from "./order_merge.js";

/**
 * Of two PromptSpecs, { settings: [{ name, before, after }], texts: [{ name, pieces }], examples: [row], same },
 * each with what differs only; a row is { number, kinds, cells: [{ name, pieces }] } and `same` counts those that do not.
 */
export function specDifference(before, after) {
  const rows = exampleRows(before, after)
  return {
    settings: [...settingsThatDiffer(asked(before), asked(after)), ...columnsThatDiffer(before, after)],
    texts: [text("Instruction", before.instruction, after.instruction), ...inputTexts(before, after)].filter(({ pieces }) => pieces),
    examples: rows.filter(({ kinds }) => kinds.length),
    same: rows.filter(({ kinds }) => !kinds.length).length,
  }
}

export const isEmpty = ({ settings, texts, examples }) => !settings.length && !texts.length && !examples.length

/** How the examples differ, as a sentence. */
export function examplesWords({ examples, same }) {
  const count = (kind) => examples.filter(({ kinds }) => kinds.includes(kind)).length
  const words = ["added", "removed", "changed", "moved", "switched on", "switched off"].map((kind) => [count(kind), kind])
  const said = words.filter(([number]) => number).map(([number, kind]) => `${number} ${kind}`)
  if (!said.length) return same ? "the same in both" : "none in either"
  return [...said, same ? `${same} the same` : ""].filter(Boolean).join(", ")
}

/** A prompt as settingsThatDiffer wants a run: a seed that is not chosen is drawn for each run. */
function asked(spec) {
  return { model: spec.model, spec, settings: { ...spec.settings, seed: spec.settings.seed ?? "drawn for each run" } }
}

function columnsThatDiffer(before, after) {
  const rows = [
    { name: "fields", before: before.fields.join(", "), after: after.fields.join(", ") },
    { name: "output", before: before.output_name, after: after.output_name },
    { name: "examples placed", before: limitWords(before), after: limitWords(after) },
  ]
  return rows.filter((row) => row.before !== row.after)
}

const limitWords = ({ shots }) => (shots === undefined || shots === null ? "all" : `at most ${shots}`)

/** `pieces` is null when nothing differs. */
function text(name, before = "", after = "") {
  return { name, pieces: before === after ? null : compareTexts(before, after) }
}

function inputTexts(before, after) {
  const names = union(Object.keys(before.input), Object.keys(after.input))
  return names.map((name) => text(`Input: ${name}`, before.input[name], after.input[name]))
}

const union = (one, other) => [...new Set([...one, ...other])]

/** All rows in the order of `after`, removed ones where they were. */
function exampleRows(before, after) {
  const old = new Map(before.examples.map((example, place) => [example.id, { example, place }]))
  const kept = new Set(after.examples.map(({ id }) => id))
  const ids = (spec, known) => spec.examples.map(({ id }) => id).filter((id) => known.has(id))
  const moved = movedKeys(ids(before, kept), ids(after, old))
  const rows = after.examples.map((example, place) => rowOf(old.get(example.id), { example, place }, before, after, moved))
  const removed = before.examples.map((example, place) => ({ example, place })).filter(({ example }) => !kept.has(example.id))
  for (const gone of removed) rows.splice(placeFor(gone.place, rows), 0, rowOf(gone, undefined, before, after, moved))
  return rows
}

/** Behind the last row that stood before it. */
const placeFor = (place, rows) => rows.findLastIndex(({ old }) => old !== undefined && old < place) + 1

function rowOf(from, to, before, after, moved) {
  const cells = cellsOf(from?.example, to?.example, before, after)
  const kinds = []
  if (!from) kinds.push("added")
  else if (!to) kinds.push("removed")
  else {
    if (cells.length) kinds.push("changed")
    if (moved.has(to.example.id)) kinds.push("moved")
    if (from.example.on !== to.example.on) kinds.push(to.example.on ? "switched on" : "switched off")
  }
  return { number: (to ?? from).place + 1, was: from && from.place + 1, old: from?.place, kinds, cells }
}

/** The cells of a row that differ, and of a row that was moved or switched none. */
function cellsOf(from, to, before, after) {
  const names = union([...before.fields, before.output_name], [...after.fields, after.output_name])
  const value = (example, spec, name) => (example ? (name === spec.output_name ? example.output : example.values[name]) : "")
  return names.map((name) => text(name, value(from, before, name), value(to, after, name))).filter(({ pieces }) => pieces)
}
