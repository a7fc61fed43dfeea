import assert from "node:assert/strict"
import { test } from "node:test"

import { Draft } from "../../static/js/models/draft.js"
import { TestInputs } from "../../static/js/models/test_inputs.js"

function ring(texts, input, most = 100) {
  const spec = { instruction: "", fields: ["review"], output_name: "label", examples: [], input: { review: input } }
  const draft = new Draft({ title: "", scope: "", spec, inputs: texts.map((review) => ({ review })) })
  return { draft, inputs: new TestInputs(draft, most) }
}
const texts = (draft) => draft.inputs.map((input) => input.review)

test("the inputs follow one another in a ring", () => {
  const { draft, inputs } = ring(["a", "b", "c"], "a")
  const seen = [1, 2, 3].map(() => (inputs.next(), draft.spec.input.review))
  assert.deepEqual(seen, ["b", "c", "a"])
  assert.equal(inputs.place, 0)
})

test("what somebody typed joins the ring before another input takes its place", () => {
  const { draft, inputs } = ring(["a", "b"], "my own")
  inputs.next()
  assert.equal(draft.spec.input.review, "a")
  assert.deepEqual(texts(draft), ["a", "b", "my own"])
})

test("an empty input does not join", () => {
  const { draft, inputs } = ring(["a"], " ")
  inputs.next()
  assert.deepEqual(texts(draft), ["a"])
})

test("an input is kept and forgotten", () => {
  const { draft, inputs } = ring([], "a")
  assert.equal(inputs.hasOther, false)
  inputs.keep()
  assert.deepEqual([texts(draft), inputs.place, inputs.hasOther], [["a"], 0, false])
  inputs.forget()
  assert.deepEqual([texts(draft), inputs.place], [[], -1])
  assert.equal(draft.spec.input.review, "a")
})

test("changing the prompt's copy does not change the ring", () => {
  const { draft, inputs } = ring(["a", "b"], "a")
  inputs.next()
  draft.spec.input.review = "b, changed"
  assert.deepEqual(texts(draft), ["a", "b"])
})

test("over the limit the oldest leaves", () => {
  const { draft, inputs } = ring(["a", "b"], "c", 2)
  inputs.next()
  assert.deepEqual([texts(draft), draft.spec.input.review], [["b", "c"], "a"])
})

test("a renamed field is renamed in the test inputs, and a removed one leaves them", () => {
  const { draft, inputs } = ring(["a", "b"], "a")
  draft.renameField("review", "text")
  assert.deepEqual([draft.inputs, inputs.place], [[{ text: "a" }, { text: "b" }], 0])
})
