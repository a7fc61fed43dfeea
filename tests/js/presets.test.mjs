import assert from "node:assert/strict"
import { test } from "node:test"

import { applied, chosenOf, isActive } from "../../static/js/models/presets.js"

const plain = { min_p: 0, repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0 }
const greedy = { id: null, name: "Greedy", settings: { mode: "greedy", ...plain } }
const balanced = { id: null, name: "Balanced", settings: { mode: "sample", temperature: 0.7, top_k: 50, top_p: 0.9, ...plain } }
const own = { id: "1", name: "Labels", settings: { mode: "greedy", max_new_tokens: 4, stop: ["\n"], temperature: 1, seed: null, ...plain } }
const presets = [greedy, balanced, own]
// As stored by an earlier version: without what came later.
const settings = { mode: "sample", temperature: 0.7, top_k: 50, top_p: 0.9, max_new_tokens: 64, stop: [], seed: 3 }

test("a preset changes what it says and leaves the rest", () => {
  const made = applied(greedy, settings)
  assert.deepEqual([made.mode, made.max_new_tokens, made.seed, made.repetition_penalty], ["greedy", 64, 3, 1])
  made.stop.push("x")
  assert.deepEqual(applied(own, settings).stop, ["\n"])
  assert.deepEqual(own.settings.stop, ["\n"], "edits of the draft never reach the preset")
})

test("settings are recognised, also those of an earlier version", () => {
  assert.equal(chosenOf(presets, settings, null).preset.name, "Balanced")
  assert.equal(chosenOf(presets, { ...settings, temperature: 0.8 }, null).preset, null)
})

test("under greedy decoding what it ignores makes no difference", () => {
  assert.ok(isActive(own, { ...settings, mode: "greedy", max_new_tokens: 4, stop: ["\n"], temperature: 0.2, seed: 9 }))
  assert.ok(!isActive(own, { ...settings, mode: "greedy", max_new_tokens: 5, stop: ["\n"] }))
})

test("of presets that fit, the one that says most is shown", () => {
  assert.equal(chosenOf(presets, { ...settings, ...own.settings }, null).preset.name, "Labels")
})

test("an applied preset stays chosen and says that it was changed", () => {
  assert.deepEqual(chosenOf(presets, settings, "Balanced"), { preset: balanced, changed: false })
  assert.deepEqual(chosenOf(presets, { ...settings, top_k: 20 }, "Balanced"), { preset: balanced, changed: true })
  assert.equal(chosenOf(presets, settings, "deleted since").preset.name, "Balanced")
})
