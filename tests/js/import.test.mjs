import assert from "node:assert/strict"
import { createRequire } from "node:module"
import { test } from "node:test"

import { decode, faultInBytes, guessEncoding } from "../../static/js/models/decoding.js"
import { Draft } from "../../static/js/models/draft.js"
import { ImportPlan, looksLikeHeader } from "../../static/js/models/import_plan.js"
import { readCopied, readTable, ROWS_READ } from "../../static/js/models/table_reader.js"
import { asCsv } from "../../static/js/models/table_writer.js"

const papa = createRequire(import.meta.url)("../../static/vendor/papaparse.min.js")
const LIMITS = { examples: 5, fields: 3, field_name_chars: 60, text_chars: 100, body_bytes: 4 * 2 ** 20 }

let pauses = 0
const pause = async () => {
  pauses += 1
}
const read = (text) => readTable(text, { papa, pause })

function draft(changes = {}) {
  const spec = { fields: ["review"], output_name: "label", examples: [], input: {}, instruction: "", ...changes }
  return new Draft({ title: "", scope: "", spec }, LIMITS)
}

const planOf = async (text, changes) => new ImportPlan(await read(text), draft(changes))
const pairs = ({ examples }) => examples.map(({ values, output }) => [...Object.values(values), output])

test("quotes, newlines, delimiters and line ends of any kind are read", async () => {
  for (const [text, kind] of [
    ['review,label\r\n"a ""quoted"", word","x\ny"\r\nb,z', "CSV"],
    ['review;label\n"a ""quoted"", word";"x\ny"\nb;z\n', "CSV with semicolons"],
    ['review\tlabel\r"a ""quoted"", word"\t"x\ny"\rb\tz', "tab-separated"],
  ]) {
    const table = await read(text)
    assert.equal(table.kind, kind)
    assert.deepEqual(table.rows, [["review", "label"], ['a "quoted", word', "x\ny"], ["b", "z"]])
    assert.deepEqual(table.notes, [])
  }
})

test("mixed line ends do not glue rows together", async () => {
  assert.equal((await read("a,b\r\nc,d\ne,f\ng,h\n")).rows.length, 4)
})

test("ragged rows are kept whole and told", async () => {
  const { rows, notes } = await read("a,b\n1\n1,2,3\n1,2")
  assert.deepEqual(rows, [["a", "b", ""], ["1", "", ""], ["1", "2", "3"], ["1", "2", ""]])
  assert.equal(notes.length, 2)
  assert.match(notes.join(" "), /1 row has fewer cells.*1 row has more cells/)
})

test("a quotation mark that never closes is named with its row", async () => {
  const { notes } = await read('a,b\nc,d\n"e,f\ng,h')
  assert.match(notes[0], /^Row 3: a quotation mark/)
})

test("formulas stay text, and the guard of an export is taken off", async () => {
  const { rows, notes } = await read("review,label\n=1+1,x\n'=1+1,'tis\n")
  assert.deepEqual(rows.slice(1), [["=1+1", "x"], ["=1+1", "'tis"]])
  assert.match(notes[0], /apostrophe/)
})

test("an export is inert in spreadsheets and comes back unchanged", async () => {
  const texts = ["=1+1", "@x", "-5", "+49", "\t=1", "plain", 'a "quoted", word\nof two lines', ""]
  const examples = texts.map((text, id) => ({ id, values: { review: text }, output: `n${id}`, on: true }))
  const csv = asCsv(draft({ examples }), papa)
  for (const line of csv.split("\r\n")) assert.doesNotMatch(line, /(^|,)"?[=+\-@\t]/)
  const { rows } = await read(csv)
  assert.deepEqual(rows.slice(1).map(([text]) => text), texts)
})

test("a large text is read in pieces, with pauses, and up to a limit", async () => {
  pauses = 0
  const { rows, notes } = await read("some review,positive\n".repeat(ROWS_READ + 50))
  assert.equal(rows.length, ROWS_READ)
  assert.match(notes[0], /Only the first 100,000 rows/)
  assert.ok(pauses >= 5, `${pauses} pauses`)
})

test("JSON Lines and lists become columns, in plain objects and as chats", async () => {
  const plain = await read('{"review": "a", "label": 1}\n\nnonsense\n[1]\n{"label": null, "more": {"x": [1]}}')
  assert.deepEqual(plain.names, ["review", "label", "more"])
  assert.deepEqual(plain.rows, [["a", "1", ""], ["", "", '{"x":[1]}']])
  assert.match(plain.notes.join(" "), /Line 3: not JSON.*Line 4: not an object/)
  const list = await read('[{"a": "x"}, {"b": "y"}]')
  assert.deepEqual([list.kind, list.rows], ["JSON", [["x", ""], ["", "y"]]])
  const turn = (role, content) => ({ role, content })
  const chat = await read(JSON.stringify({ messages: [turn("system", "s"), turn("user", "q"), turn("assistant", "a")] }))
  assert.deepEqual([chat.kind, chat.names, chat.rows], ["JSON Lines, chats", ["system", "input", "output"], [["s", "q", "a"]]])
  const long = await read(JSON.stringify({ messages: [turn("user", "q"), turn("assistant", "a"), turn("user", [{ type: "text", text: "r" }]), turn("assistant", "b")] }))
  assert.deepEqual(long.rows, [["user: q\nassistant: a\nuser: r", "b"]])
  assert.match(long.notes[0], /several turns/)
})

test("text that only begins like JSON is a table", async () => {
  assert.deepEqual((await read("{a},x\n{b},y")).rows, [["{a}", "x"], ["{b}", "y"]])
  assert.deepEqual((await read("[1] first,x\n[2] second,y")).rows[1], ["[2] second", "y"])
})

test("encodings are found by mark, by NULs and by being valid", async () => {
  const guess = (bytes) => guessEncoding(new Uint8Array(bytes), pause)
  const text = "Größe, naïve"
  const utf16 = (little) => [...text].flatMap((letter) => (little ? [letter.charCodeAt(0), 0] : [0, letter.charCodeAt(0)]))
  assert.equal(await guess([0xff, 0xfe, ...utf16(true)]), "utf-16le")
  assert.equal(await guess(utf16(true)), "utf-16le")
  assert.equal(await guess(utf16(false)), "utf-16be")
  assert.equal(await guess(Buffer.from(text)), "utf-8")
  assert.equal(await guess(Buffer.from(text, "latin1")), "windows-1252")
  const marked = new Uint8Array(Buffer.from(`\ufeff${text}`))
  assert.equal(await decode(marked, await guess(marked), pause), text)
})

test("what is no text is refused in words", () => {
  assert.match(faultInBytes(new Uint8Array([0x50, 0x4b, 3, 4]), "utf-8"), /workbook/)
  assert.match(faultInBytes(new Uint8Array([65, 0, 0, 65]), "utf-8"), /not a text file/)
  assert.equal(faultInBytes(new Uint8Array([65, 66]), "utf-8"), "")
})

test("a first row of names is told from data", () => {
  assert.ok(looksLikeHeader([["Review", "Sentiment"], ["good", "positive"]], ["x"]))
  assert.ok(looksLikeHeader([["stars", "comment"], ["3", "fine"]], ["x"]))
  assert.ok(!looksLikeHeader([["I loved it.", "positive"], ["Bad.", "negative"]], ["review"]))
  assert.ok(!looksLikeHeader([["good", "positive"], ["bad", "positive"]], ["review"]))
  assert.ok(!looksLikeHeader([["review", "label"]], ["review", "label"]))
})

test("columns find their fields by name, then by place", async () => {
  assert.deepEqual((await planOf("Label,Review\nx,a")).targets, ["output", "field:review"])
  assert.deepEqual((await planOf("text,stars,sentiment\na,5,x")).targets, ["field:review", "new", "output"])
  const used = { examples: [{ id: "e", values: {}, output: "", on: true }] }
  assert.deepEqual((await planOf("text,stars,sentiment\na,5,x", used)).targets, ["field:review", "", "output"])
  const chat = await planOf('{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]}')
  assert.deepEqual(chat.targets, ["", "field:review", "output"])
})

test("a target belongs to one column, and new fields get free names", async () => {
  const plan = await planOf("a,b,review\n1,2,3")
  plan.send(0, "output")
  assert.equal(plan.targets.filter((target) => target === "output").length, 1)
  plan.send(1, "new")
  plan.send(2, "new")
  assert.deepEqual([...plan.newNames.values()], ["b", "review 2"])
  assert.deepEqual(plan.result().examples.map(({ values, output }) => ({ values, output })), [{ values: { b: "2", "review 2": "3" }, output: "1" }])
})

test("what does not fit is named, and people choose the rows", async () => {
  const plan = await planOf(`review,label\n${Array.from({ length: 20 }, (_, row) => `r${row},l`).join("\n")}`)
  assert.deepEqual(pairs(plan.result()).map(([review]) => review), ["r0", "r1", "r2", "r3", "r4"])
  plan.first = 17
  assert.deepEqual(pairs(plan.result()).map(([review]) => review), ["r16", "r17", "r18", "r19"])
  plan.random = true
  const drawn = pairs(plan.result())
  assert.deepEqual(drawn, pairs(plan.result()))
  assert.equal(drawn.length, 5)
})

test("rows that are empty or cannot be stored stay out, with words", async () => {
  const long = "x".repeat(101)
  const plan = await planOf(`review,label\n,\na,b\n${long},c\n`)
  const { examples, left, usable, fault } = plan.result()
  assert.deepEqual([examples.length, usable, fault], [1, 1, ""])
  assert.match(left.join(" "), /1 row without any text.*1 row left out \(row 3\)/)
})

test("an import that cannot be is refused in words", async () => {
  const plan = await planOf("review,label\na,b")
  plan.targets = ["", ""]
  assert.match(plan.result().fault, /at least one column/)
  plan.targets = ["new", "new"]
  assert.equal(plan.result().fault, "")
  const wide = await planOf("a,b,c,d\n1,2,3,4")
  wide.targets = ["new", "new", "new", "output"]
  assert.match(wide.result().fault, /At most 3 fields/)
  const full = { examples: Array.from({ length: 5 }, (_, id) => ({ id, values: {}, output: "", on: true })) }
  const late = await planOf("review,label\na,b", full)
  assert.match(late.result().fault, /grid is full/)
  late.replace = true
  assert.equal(late.result().fault, "")
})

test("the preview holds what the prompt would place", async () => {
  const plan = await planOf("review,label\na,b\nc,d", { shots: 1 })
  const { examples, fields, shots } = plan.preview(plan.result())
  assert.deepEqual([examples.length, fields, shots], [1, ["review"], undefined])
})

test("rows copied from a spreadsheet keep line breaks inside cells", () => {
  assert.deepEqual(readCopied('a\t"b\r\nc"\r\nd\t\r\n', papa), [["a", "b\nc"], ["d", ""]])
})
