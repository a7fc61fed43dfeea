import assert from "node:assert/strict"
import { test } from "node:test"

import { asksOf } from "../../static/js/models/asks.js"
import { Board, letterOf } from "../../static/js/models/board.js"
import { CellDiff, FILTERS } from "../../static/js/models/cell_diff.js"
import { Cells, distinctOf, distinctWords, isStale, pagesOf } from "../../static/js/models/cells.js"
import { stateWords } from "../../static/js/models/cell_words.js"
import { differences, settingsLine } from "../../static/js/models/column_words.js"
import { Verdicts } from "../../static/js/models/verdicts.js"
import { WatchQueue } from "../../static/js/models/watch_queue.js"

const SETTINGS = { mode: "greedy", max_new_tokens: 16, temperature: 0.7, top_k: 50, top_p: 0.9, stop: [], seed: null }
const LIMITS = { columns: 4, rows: 5 }

function spec(changes = {}) {
  const examples = ["a", "b", "c"].map((id) => ({ id, values: { review: id }, output: id, on: true }))
  return { instruction: "Judge.", fields: ["review"], output_name: "label", examples, input: {}, layout: "chat", model: "m", settings: SETTINGS, ...changes }
}

function board({ specs = [spec(), spec()], rows = 2, ...more } = {}) {
  const columns = specs.map((one, index) => ({ key: `c${index}`, title: "", spec: structuredClone(one), inputs: {} }))
  const lines = Array.from({ length: rows }, (_, index) => ({ key: `r${index}`, values: { review: `text ${index}` } }))
  return new Board({ title: "", board: { schema: 1, columns, rows: lines, links: ["input"], samples: 1, baseline: null, ...more } }, LIMITS)
}

const keys = (made) => made.columns.map(({ key }) => key).join(" ")
const texts = (made) => made.rows.map(({ values }) => values.review)

test("an edit of a linked part is an edit of all columns, any other of one", () => {
  const made = board({ links: ["input", "prompt"] })
  made.setSpec("c1", spec({ instruction: "New.", shots: 1 }))
  assert.deepEqual(made.columns.map((column) => [column.spec.instruction, column.spec.shots]), [["New.", undefined], ["New.", 1]])
})

test("a linked spec is shared by value: no column writes into another", () => {
  const made = board({ links: ["examples"] })
  made.setSpec("c0", spec())
  made.columns[0].spec.examples[0].output = "changed"
  assert.equal(made.columns[1].spec.examples[0].output, "a")
})

test("linking takes the part of the baseline, and undo gives each its own back", () => {
  const hot = spec({ settings: { ...SETTINGS, temperature: 1.1 } })
  const made = board({ specs: [spec(), hot], baseline: "c1" })
  made.setLink("settings", true)
  assert.deepEqual(made.columns.map((column) => column.spec.settings.temperature), [1.1, 1.1])
  assert.match(made.words, /settings of B/)
  made.undo()
  assert.deepEqual(made.columns.map((column) => column.spec.settings.temperature), [0.7, 1.1])
  assert.equal(made.isLinked("settings"), false)
})

test("a field that gets another name keeps its values in rows and in unlinked examples", () => {
  const made = board({ links: ["input", "prompt"] })
  const examples = spec().examples.map((one) => ({ ...one, values: { text: one.values.review } }))
  made.setSpec("c0", spec({ fields: ["text"], examples }))
  assert.deepEqual(made.columns[1].spec.examples[1].values, { text: "b" })
  assert.deepEqual(made.rows[0].values, { text: "text 0" })
})

test("the old name of a field stays in the rows while another column asks for it", () => {
  const made = board()
  made.setSpec("c0", spec({ fields: ["text"] }))
  assert.deepEqual(made.rows[0].values, { review: "text 0", text: "text 0" })
  assert.deepEqual(made.fields, ["text", "review"])
})

test("columns come, move and go; the baseline stays the same column", () => {
  const made = board()
  made.duplicateColumn("c0")
  assert.equal(made.columns.length, 3)
  made.moveColumn("c0", 2)
  assert.equal(made.baseline.key, "c0")
  assert.equal(made.letter("c0"), "C")
  made.removeColumn("c0")
  assert.equal(made.baseline, made.columns[0])
  made.undo()
  assert.equal(made.baseline.key, "c0")
  assert.equal(made.letter("c0"), "C")
  made.addColumn(spec())
  assert.equal(made.addColumn(spec()), null)
})

test("the last column and the last row cannot be removed", () => {
  const made = board({ specs: [spec()], rows: 1 })
  made.removeColumn("c0")
  made.removeRow("r0")
  assert.equal(keys(made), "c0")
  assert.deepEqual(texts(made), ["text 0"])
})

test("a removed row comes back with the inputs that columns had of their own", () => {
  const made = board({ links: [] })
  made.setValue("r1", "review", "only here", "c1")
  assert.equal(made.inputOf(made.columns[1], made.rows[1]).review, "only here")
  assert.equal(made.inputOf(made.columns[0], made.rows[1]).review, "text 1")
  made.removeRow("r1")
  made.undo()
  assert.equal(made.inputOf(made.columns[1], made.rows[1]).review, "only here")
})

test("linking inputs gives every cell that of its row", () => {
  const made = board({ links: [] })
  made.setValue("r0", "review", "own", "c1")
  made.setLink("input", true)
  assert.equal(made.inputOf(made.columns[1], made.rows[0]).review, "text 0")
  made.setLink("input", false)
  assert.equal(made.inputOf(made.columns[1], made.rows[0]).review, "own")
})

test("pasted cells go over rows and fields, and add rows as far as there is room", () => {
  const made = board()
  made.paste([["x"], ["y"], ["z"]], "r1", "review")
  assert.deepEqual(texts(made), ["text 0", "x", "y", "z"])
  made.undo()
  assert.deepEqual(texts(made), ["text 0", "text 1"])
  made.paste(Array.from({ length: 9 }, (_, at) => [`p${at}`]), "r1", "review")
  assert.deepEqual(texts(made), ["text 0", "p0", "p1", "p2", "p3"])
})

test("inputs that are brought fill blank rows first; what has no room is counted", () => {
  const made = board({ rows: 1 })
  made.setValue("r0", "review", " ")
  assert.equal(made.bringRows(Array.from({ length: 7 }, (_, at) => ({ review: `${at}` }))), 2)
  assert.deepEqual(texts(made), ["0", "1", "2", "3", "4"])
  made.undo()
  assert.deepEqual(texts(made), [" "])
})

test("what sets a column apart is said in short phrases", () => {
  const hot = (temperature) => ({ ...SETTINGS, mode: "sample", temperature })
  assert.deepEqual(differences(spec({ settings: hot(0.7), shots: 2 }), spec({ settings: hot(1.1) })), ["2 → 3 shots", "temperature 0.7 → 1.1"])
  assert.deepEqual(differences(spec(), spec({ settings: hot(1.1) })), ["samples at temperature 1.1"])
  assert.deepEqual(differences(spec(), spec({ settings: { ...SETTINGS, temperature: 2 } })), [])
  assert.deepEqual(differences(spec(), spec({ instruction: "Judge kindly." })), ["instruction: 1 inserted"])
  assert.deepEqual(differences(spec(), spec({ model: "n" }), (name) => name.toUpperCase()), ["model M → N"])
  const other = spec()
  other.examples[0].output = "other"
  assert.deepEqual(differences(spec(), other), ["other examples"])
  assert.deepEqual(differences(spec({ shots: 0 }), other), ["0 → 3 shots"])
})

test("the settings line says what acts", () => {
  assert.equal(settingsLine(SETTINGS), "greedy · at most 16 tokens")
  assert.equal(settingsLine({ ...SETTINGS, mode: "sample", top_k: 0, seed: 5 }), "temperature 0.7 · top-p 0.9 · at most 16 tokens · seed 5")
})

test("two specs ask the same when only what greedy ignores, or what is not placed, differs", () => {
  const one = asksOf(spec(), { review: "x", other: "y" })
  assert.equal(one, asksOf(spec({ settings: { ...SETTINGS, temperature: 2, min_p: 0 } }), { review: "x" }))
  assert.notEqual(one, asksOf(spec(), { review: "z" }))
  assert.notEqual(one, asksOf(spec({ shots: 1 }), { review: "x" }))
})

const ran = (id, changes = {}) => ({ id, status: "succeeded", text: id, error: null, ...changes })
const place = (sample, run) => ({ column: "c0", row: "r0", sample, run })

test("cells hold the newest run of each sample; a server that knows less does not take it back", () => {
  const cells = new Cells()
  const [entry] = cells.begin([place(0, ran("new", { status: "running" }))], () => "asked")
  entry.followed = true
  entry.text = "so far"
  cells.load([{ column: "c0", row: "r0", sample: 0, ...ran("new", { status: "queued", text: "" }) }], () => "asked")
  assert.equal(cells.of("c0", "r0")[0].text, "so far")
  assert.deepEqual(cells.count(), { live: 1, mine: 1, ended: 0, failed: 0 })
  cells.begin([place(0, ran("newer"))], () => "other")
  assert.equal(cells.of("c0", "r0").length, 1)
  assert.equal(isStale(cells.of("c0", "r0")[0], "asked"), true)
})

test("a look at the board that crosses a press loses no run", () => {
  const told = (id, status) => [{ column: "c0", row: "r0", sample: 0, ...ran(id, { status, text: "" }) }]
  const cells = new Cells()
  cells.load(told("1", "cancelled"), () => "asked")
  cells.load(told("2", "queued"), () => "asked") // the look knows of the run before the press is answered
  const entry = cells.byRun.get("2")
  entry.followed = true
  assert.equal(cells.begin([place(0, ran("2"))], () => "now asked")[0], entry, "it is followed already")
  assert.equal(entry.asked, "now asked")
  cells.load(told("1", "cancelled"), () => "asked") // this one was made before the press, and comes after it
  assert.deepEqual(cells.of("c0", "r0"), [entry])
})

test("a cell says who is having it written, and what is mine is counted apart", () => {
  const cells = new Cells(1)
  const told = { column: "c0", row: "r0", status: "running", text: "" }
  cells.load([{ ...told, sample: 0, id: "a", user_id: 1, user_name: "Ada" }, { ...told, sample: 1, id: "b", user_id: 2, user_name: "Bo" }], () => "asked")
  assert.deepEqual(cells.of("c0", "r0").map((entry) => stateWords(entry, false, 0)), ["writing", "writing · Bo"])
  assert.deepEqual(cells.count(), { live: 2, mine: 1, ended: 0, failed: 0 })
})

test("different answers are counted, the most frequent first; while they are written each sample is shown", () => {
  const entries = ["a", "b", "b ", "c", "b"].map((text, index) => ran(`${index}`, { text }))
  assert.equal(distinctWords(entries), "3 distinct of 5")
  assert.deepEqual(distinctOf(entries).map(({ text }) => text), ["b", "a", "c"])
  assert.deepEqual(pagesOf(entries).map(({ words }) => words), ["3 of 5", "1 of 5", "1 of 5"])
  entries[0].status = "running"
  assert.equal(pagesOf(entries).length, 5)
  assert.equal(distinctWords(entries), "4 of 5 written")
})

test("a socket's places are given to the next run when one has ended", () => {
  const watched = []
  const queue = new WatchQueue({ watch: (id) => watched.push(id), most: 2 })
  queue.add(["a", "b", "c", "d"])
  queue.add(["c"])
  assert.deepEqual(watched, ["a", "b"])
  queue.ended("d") // it ended before anybody could follow it
  queue.ended("a")
  assert.deepEqual(watched, ["a", "b", "c"])
  queue.ended("b")
  assert.deepEqual(watched, ["a", "b", "c"])
})

test("rows are found that differ, failed, or wait for a vote", () => {
  const cell = (shown, isBaseline = false) => ({ shown, entries: [shown], isBaseline })
  const base = cell(ran("1", { text: "yes" }), true)
  const same = { cells: [base, cell(ran("2", { text: "yes " }))] }
  const other = { cells: [base, cell(ran("3", { text: "no" })), cell(ran("4", { status: "failed", text: "" }))] }
  const verdicts = new Verdicts(7)
  verdicts.load({ votes: [{ run: "1", against: "2", user_id: 7, choice: "better" }, { run: "3", against: "1", user_id: 8, choice: "tie" }], ratings: [] })
  assert.equal(verdicts.voteOn("2", "1"), "worse")
  const found = (name) => [same, other].map((row) => FILTERS[name](row, (...pair) => verdicts.voteOn(...pair)))
  assert.deepEqual(found("all"), [true, true])
  assert.deepEqual(found("different"), [false, true])
  assert.deepEqual(found("failed"), [false, true])
  assert.deepEqual(found("unvoted"), [false, true])
})

test("a word difference is worked out once", () => {
  let count = 0
  const diff = new CellDiff((before, after) => [before, after, (count += 1)])
  diff.of("a b", "a c")
  diff.of("a b", "a c")
  diff.of("a", " ba c")
  assert.equal(count, 2)
})

test("columns have letters", () => {
  assert.equal([0, 1, 11].map(letterOf).join(""), "ABL")
})
