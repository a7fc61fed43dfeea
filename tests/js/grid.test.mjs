import assert from "node:assert/strict"
import { test } from "node:test"

import { Draft, shotLabel } from "../../static/js/models/draft.js"
import { ExampleCosts } from "../../static/js/models/example_costs.js"
import { GridEdits } from "../../static/js/models/grid_edits.js"
import { isWorthOffering, namesIn, renameIn } from "../../static/js/models/placeholders.js"

const LIMITS = { examples: 12, fields: 3, field_name_chars: 10 }

function draft(count = 3, changes = {}) {
  const examples = Array.from("abcdefghijkl".slice(0, count), (id) => ({ id, values: { review: id }, output: id.toUpperCase(), on: true }))
  const spec = { fields: ["review"], output_name: "label", examples, input: { review: "in" }, instruction: "Of {{ review }}: {{x}}", ...changes }
  return new Draft({ title: "", scope: "", spec }, LIMITS)
}

const ids = ({ spec }) => spec.examples.map(({ id }) => id).join("")
const rows = ({ spec }) => spec.examples.map(({ values, output }) => `${values.review}${output}`)

test("examples move, and stay inside the list", () => {
  const made = draft()
  made.moveExample("a", 2)
  made.moveExample("b", -5)
  assert.equal(ids(made), "bca")
})

test("a renamed field keeps its values everywhere, and its place in the instruction", () => {
  const made = draft()
  assert.equal(made.renameField("review", "$& text"), "")
  assert.deepEqual(made.spec.fields, ["$& text"])
  assert.deepEqual(made.spec.input, { "$& text": "in" })
  assert.deepEqual(made.spec.examples[1].values, { "$& text": "b" })
  assert.equal(made.spec.instruction, "Of {{$& text}}: {{x}}")
})

test("two columns cannot have one name", () => {
  const made = draft()
  assert.match(made.renameField("review", "label"), /already/)
  assert.match(made.renameOutput("review"), /already/)
  assert.match(made.renameField("review", ""), /needs a name/)
  assert.deepEqual(made.spec.fields, ["review"])
})

test("the number of shots has its name", () => {
  assert.deepEqual([shotLabel(0, 0), shotLabel(1, 1), shotLabel(5, 5)], ["zero-shot", "one-shot", "few-shot"])
  assert.equal(shotLabel(2, 3), "few-shot · 2 of 3 placed")
})

test("shots place the first examples that are on; the end of the scale is all", () => {
  const made = draft(4)
  made.spec.examples[1].on = false
  made.setShots(2)
  assert.deepEqual(made.placed.map(({ id }) => id), ["a", "c"])
  made.setShots(0)
  assert.equal(made.shots, 0)
  made.setShots(3)
  assert.ok(!("shots" in made.spec))
  made.addExample({ output: "new" })
  assert.equal(made.shots, 4)
})

test("a duplicate stands behind its example and shares nothing with it", () => {
  const made = draft()
  const copy = made.duplicateExample("a")
  copy.values.review = "changed"
  assert.deepEqual(rows(made), ["aA", "changedA", "bB", "cC"])
  assert.notEqual(copy.id, "a")
})

test("there is no room beyond the limits", () => {
  const made = draft(12)
  assert.equal(made.addExample(), null)
  made.addField()
  made.addField()
  assert.match(made.addField(), /At most 3 fields/)
  assert.match(made.renameField("review", "much too long"), /at most 10 characters/)
  assert.match(made.renameField("review", "__proto__"), /cannot be the name/)
})

test("a deleted example comes back to its place, and other edits stay", () => {
  const made = draft()
  const edits = new GridEdits(made)
  edits.removeExample("b")
  assert.equal(edits.words, "Example 2 deleted.")
  made.spec.examples[1].output = "typed"
  edits.undo()
  assert.deepEqual(rows(made), ["aA", "bB", "ctyped"])
  assert.equal(edits.words, "")
  edits.undo()
  assert.equal(ids(made), "abc")
})

test("a removed field comes back with its values", () => {
  const made = draft()
  const edits = new GridEdits(made)
  made.addField("stars")
  edits.removeField("review")
  assert.deepEqual([made.spec.fields, made.spec.input, made.spec.examples[0].values], [["stars"], {}, {}])
  edits.undo()
  assert.deepEqual(made.spec.fields, ["review", "stars"])
  assert.deepEqual([made.spec.input.review, made.spec.examples[2].values.review], ["in", "c"])
})

test("a pasted block goes over cells and adds rows, and can be undone", () => {
  const made = draft(2)
  const edits = new GridEdits(made)
  assert.ok(edits.fits([["1", "2"]], 0, 0))
  assert.ok(!edits.fits([["1", "2"]], 0, 1))
  assert.ok(!edits.fits(Array(13).fill(["1"]), 0, 0))
  edits.paste([["1", "2"], ["3"]], 1, 0)
  assert.deepEqual(rows(made), ["aA", "12", "3"])
  assert.equal(edits.words, "Pasted, 1 row added.")
  edits.undo()
  assert.deepEqual(rows(made), ["aA", "bB"])
})

test("many rows at once do not flood the prompt", () => {
  const made = draft(3)
  const edits = new GridEdits(made)
  const examples = Array.from({ length: 8 }, (_, id) => ({ id: `n${id}`, values: {}, output: "", on: true }))
  edits.bringIn({ examples, newFields: ["stars"], replace: false })
  assert.deepEqual([made.spec.examples.length, made.shots], [11, 6])
  assert.equal(edits.words, "8 rows added; the prompt holds the first 6.")
  edits.undo()
  assert.deepEqual([ids(made), made.shots, made.spec.fields], ["abc", 3, ["review"]])
  edits.bringIn({ examples: examples.slice(0, 2), newFields: [], replace: true })
  assert.deepEqual([made.spec.examples.length, made.shots], [2, 2])
  edits.undo()
  assert.equal(ids(made), "abc")
})

test("names in braces are told apart: fields, possible fields, and code", () => {
  const { used, unknown } = namesIn("{{ b }}{{a}}{{b}} {{c d}} {{7*7}} {{x}}} {{{{}} {{ }}", ["a", "b", "x}"])
  assert.deepEqual(used, ["b", "a", "x}"])
  assert.deepEqual(unknown, ["c d", "7*7"])
  assert.deepEqual(["größe", "c d", "اسم", "7*7", "12", "a|b"].map(isWorthOffering), [true, true, true, false, false, false])
  assert.equal(renameIn("{{a}} {{ a-b }}", ["a", "a-b"], "a-b", "c"), "{{a}} {{c}}")
})

test("costs of examples are asked for once, and learned from prompts", async () => {
  const made = draft(3)
  const asked = []
  const costs = new ExampleCosts(made, async (examples) => {
    asked.push(examples.length)
    return examples.map(() => 7)
  })
  made.setShots(1)
  costs.learn([5])
  await costs.complete(() => {})
  assert.deepEqual(made.spec.examples.map((example) => costs.of(example)), [5, 7, 7])
  made.setShots(3)
  await costs.complete(() => {})
  made.spec.examples[0].output = "longer"
  await costs.complete(() => {})
  assert.deepEqual(asked, [2, 1])
})

test("an example that somebody else deleted can be put back with its words", () => {
  const made = draft()
  const edits = new GridEdits(made)
  const [, lost] = made.spec.examples
  made.receive({ title: "", scope: "", inputs: [], spec: { ...made.spec, examples: made.spec.examples.filter((one) => one !== lost) } })
  edits.offerBack(lost)
  assert.match(edits.words, /deleted the example you were writing in/)
  made.receive({ title: "new", scope: "", inputs: [], spec: structuredClone(made.spec) })
  edits.undo()
  assert.equal(ids(made), "acb")
  assert.deepEqual(rows(made), ["aA", "cC", "bB"])
})
