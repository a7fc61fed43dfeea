import assert from "node:assert/strict"
import { test } from "node:test"

import { examplesWords, isEmpty, specDifference } from "../../static/js/models/spec_difference.js"
import { folds, foldWords, titleOf } from "../../static/js/models/version_list.js"

const version = (number, more = {}) => ({ id: `v${number}`, number, label: "", saved_at: null, restored_from: null, ...more })
const saved = (number) => version(number, { saved_at: "2026-05-04T12:00:00Z", label: "kept" })

test("automatic versions between saved ones are folded, a single one is not", () => {
  const rows = [version(7), saved(6), version(5), version(4), version(3), version(2, { restored_from: 1 }), version(1)]
  const groups = folds(rows).map(({ rows, folded }) => `${rows.map(({ number }) => number).join("")}${folded ? " folded" : ""}`)
  assert.deepEqual(groups, ["7", "6", "543 folded", "2", "1"])
  assert.equal(foldWords(rows.slice(2, 5)), "3 automatic versions, v3 to v5")
  assert.deepEqual([titleOf(saved(1)), titleOf(version(2)), titleOf(version(3, { restored_from: 1 }))], ["kept", "automatic", "restored from v1"])
})

const example = (id, review, output = "good", on = true) => ({ id, values: { review }, output, on })
const settings = { max_new_tokens: 16, mode: "greedy", temperature: 0.7, top_k: 50, top_p: 0.9, stop: [], seed: null, min_p: 0, repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0 }
const base = {
  instruction: "Say whether it is good.", fields: ["review"], output_name: "label", layout: "plain", model: "m", settings,
  examples: [example("a", "one"), example("b", "two"), example("c", "three")], input: { review: "four" },
}
const differs = (changes) => specDifference(base, { ...structuredClone(base), ...changes })
const rowsOf = ({ examples }) => examples.map(({ number, kinds }) => `${number} ${kinds.join("+")}`)
const marked = (pieces) => pieces.map(({ kind, text }) => ({ same: text, deleted: `[-${text}-]`, inserted: `{+${text}+}` })[kind]).join("")

test("a prompt does not differ from itself", () => {
  const none = specDifference(base, structuredClone(base))
  assert.ok(isEmpty(none))
  assert.equal(examplesWords(none), "the same in both")
})

test("settings, model, columns and texts are compared field by field", () => {
  const { settings: rows, texts } = differs({ instruction: "Say whether it is bad.", model: "n", shots: 2, input: { review: "five" }, settings: { ...settings, seed: 3, min_p: 0.1 } })
  assert.deepEqual(rows.map(({ name, before, after }) => `${name}: ${before} > ${after}`), [
    "model: m > n", "shots: 3-shot > 2-shot", "min-p: 0 > 0.1", "seed: drawn for each run > 3", "examples placed: all > at most 2",
  ])
  assert.deepEqual(texts.map(({ name, pieces }) => `${name}: ${marked(pieces)}`), ["Instruction: Say whether it is[- good-]{+ bad+}.", "Input: review: [-four-]{+five+}"])
})

test("examples are added, removed, changed, moved and switched", () => {
  const [a, b, c] = structuredClone(base.examples)
  assert.deepEqual(rowsOf(differs({ examples: [a, b, c, example("d", "new")] })), ["4 added"])
  assert.deepEqual(rowsOf(differs({ examples: [a, c] })), ["2 removed"])
  assert.deepEqual(rowsOf(differs({ examples: [c, a, b] })), ["1 moved"])
  assert.deepEqual(rowsOf(differs({ examples: [a, { ...b, on: false }, c] })), ["2 switched off"])
  const changed = differs({ examples: [a, b, { ...c, values: { review: "three more" }, output: "bad" }] })
  assert.deepEqual(rowsOf(changed), ["3 changed"])
  assert.deepEqual(changed.examples[0].cells.map(({ name, pieces }) => `${name} ${marked(pieces)}`), ["review three{+ more+}", "label [-good-]{+bad+}"])
  assert.equal(examplesWords(changed), "1 changed, 2 the same")
})

test("all at once: a removed row stands where it was", () => {
  const [a, , c] = structuredClone(base.examples)
  const mixed = differs({ examples: [example("d", "new"), { ...c, on: false }, { ...a, output: "bad" }] })
  assert.deepEqual(rowsOf(mixed), ["1 added", "2 switched off", "3 changed+moved", "2 removed"])
})
