import assert from "node:assert/strict"
import { test } from "node:test"

import { curesFor, labelOf, legendOf, overWords, roomWords, segmentsOf, totalWords } from "../../static/js/models/context.js"

const fits = { instruction: 20, examples: [40, 41], input: 30, format: 9, prompt: 140, reserved: 60, window: 2048, over: 0, room: 44 }
const over = { ...fits, input: 1880, prompt: 1990, over: 2, room: 0 }

test("segments are the parts in the order of the bar, one for each example", () => {
  assert.deepEqual(segmentsOf(fits).map(({ part, count }) => [part, count]), [
    ["instruction", 20], ["shot", 40], ["shot", 41], ["input", 30], ["format", 9], ["reserved", 60],
  ])
  assert.deepEqual(segmentsOf({ ...fits, instruction: 0, examples: [] }).map(({ part }) => part), ["input", "format", "reserved"])
})

test("hundreds of examples are one segment", () => {
  const many = segmentsOf({ ...fits, examples: Array(312).fill(5) })
  assert.deepEqual(many.filter(({ part }) => part === "shot"), [{ part: "shot", name: "312 examples", count: 1560, index: 0 }])
})

test("a segment says what it is, its tokens and its share", () => {
  assert.equal(labelOf(segmentsOf(fits)[2], fits), "Example 2: 41 tokens, 2.0% of the window")
  assert.equal(labelOf({ name: "Format", count: 1 }, { window: 131072 }), "Format: 1 token, less than 0.1% of the window")
})

test("the legend adds up to the window", () => {
  const texts = legendOf(fits).map(({ text }) => text)
  assert.deepEqual(texts, ["instruction 20", "2 examples 81", "input 30", "format 9", "reserved for the answer 60", "free 1,848"])
  const sum = texts.map((text) => Number(text.match(/[\d,]+$/)[0].replace(",", ""))).reduce((a, b) => a + b)
  assert.equal(sum, fits.window)
  assert.equal(totalWords(fits), "200 of 2,048 tokens")
})

test("room is told only when there is an example to measure by", () => {
  assert.equal(roomWords(fits), "Room for 44 more examples like these.")
  assert.equal(roomWords({ ...fits, room: 1 }), "Room for 1 more example like these.")
  assert.match(roomWords({ ...fits, room: 0 }), /No room/)
  assert.equal(roomWords({ ...fits, room: null }), "")
  assert.equal(roomWords(over), "")
})

test("what is too long offers to drop an example or to reserve what fits", () => {
  assert.equal(overWords(over), "2 tokens too many for the window of 2,048.")
  assert.deepEqual(curesFor(over), [
    { act: "drop", text: "Drop the last example (41 tokens)" },
    { act: "reserve", text: "Reserve 58 for the answer", value: 58 },
  ])
  assert.deepEqual(curesFor(fits), [])
})

test("a prompt that fills the window alone is told so, and no reservation is offered", () => {
  const full = { ...over, examples: [], prompt: 2048, over: 60 }
  assert.deepEqual(curesFor(full), [])
  assert.match(overWords(full), /The prompt alone has 2,048, .* Shorten the text\.$/)
})
