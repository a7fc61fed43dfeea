import assert from "node:assert/strict"
import { test } from "node:test"

import { badgeOf, countOf, Discussion, isOn } from "../../static/js/models/discussion.js"
import { calledIn, complete, matching, pieces, queryAt } from "../../static/js/models/mentions.js"

const ada = { id: 1, name: "Ada" }
const comment = (id, more = {}) => ({ id, user_id: 2, text: "x", deleted: false, mentions: [], reactions: [], unseen: false, ...more })
const thread = (id, more = {}) => ({ id, about: { kind: "experiment" }, resolved: null, comments: [comment(id)], ...more })
const mark = (id, about) => ({ thread: id, about, comments: 2 })
const page = (threads, more = {}) => ({ threads, more: false, marks: threads.map(({ id, about }) => mark(id, about)), unseen: [], people: [ada], ...more })
const ids = ({ threads }) => threads.map(({ id }) => id).join("")

function loaded(...threads) {
  const discussion = new Discussion(ada)
  discussion.reset(page(threads))
  return discussion
}

test("a thread takes its place by age, whoever heard of it first", () => {
  const discussion = loaded(thread("c"), thread("a"))
  discussion.put(thread("b"))
  discussion.put(thread("d"))
  assert.equal(ids(discussion), "dcba")
  discussion.put(thread("1")) // heard of, though its page is not here yet
  assert.equal(discussion.last, "a", "the next page begins behind what came in pages")
  discussion.extend({ threads: [thread("2"), thread("1"), thread("0")], more: true })
  assert.equal(ids(discussion), "dcba210")
  assert.equal(discussion.last, "0")
  assert.ok(discussion.more)
})

test("what the filter leaves out goes, and its mark with it when it is resolved", () => {
  const discussion = loaded(thread("a"))
  discussion.put(thread("a", { resolved: { at: "now", by: "Ben" } }))
  assert.deepEqual([ids(discussion), discussion.marks.size], ["", 0])
  discussion.put(thread("a"))
  assert.deepEqual([ids(discussion), discussion.marks.size], ["a", 1])
  discussion.reset(page([]), "mine")
  discussion.put(thread("b"))
  discussion.put(thread("c", { comments: [comment("c"), comment("d", { mentions: [ada] })] }))
  discussion.put(thread("e", { comments: [comment("e", { user_id: ada.id })] }))
  assert.equal(ids(discussion), "ec")
  discussion.put(thread("b"), { stays: true })
  assert.equal(ids(discussion), "ecb", "one that was asked for by name is shown")
})

test("marks count what can be read at a run, an example and its cells", () => {
  const discussion = loaded(
    thread("a", { about: { kind: "run", run: "r" } }),
    thread("b", { about: { kind: "example", example: "e" } }),
    thread("c", { about: { kind: "text", path: "example/e/review", quote: {} } }),
    thread("d", { about: { kind: "text", path: "example/else/review", quote: {} } }),
  )
  const onExample = (id) => discussion.onExamples.filter(({ about }) => isOn(id, about))
  assert.deepEqual([discussion.onRun("r"), onExample("e"), discussion.onTexts].map(countOf), [2, 4, 4])
  discussion.put(thread("a", { about: { kind: "run", run: "r" }, comments: [comment("a", { deleted: true }), comment("x")] }))
  assert.equal(countOf(discussion.onRun("r")), 1)
  discussion.drop("b")
  assert.equal(countOf(onExample("e")), 2)
})

test("on the page of a comparison only what is said there counts", () => {
  const discussion = new Discussion(ada, "board")
  discussion.reset(page([]))
  discussion.put(thread("a"))
  discussion.put(thread("b", { about: { kind: "run", run: "r", in: { id: "board" } } }))
  assert.deepEqual([ids(discussion), discussion.marks.size], ["b", 1])
})

test("the badge tells open threads, and calls before them", () => {
  const discussion = loaded(thread("a"), thread("b"))
  assert.deepEqual(badgeOf(discussion), { text: "2", words: "2 open threads", isCall: false })
  discussion.put(thread("a", { comments: [comment("a"), comment("x", { mentions: [ada], unseen: true })] }))
  assert.deepEqual(badgeOf(discussion), { text: "@1", words: "you are mentioned once", isCall: true })
  discussion.see(["x"])
  assert.equal(badgeOf(discussion).text, "2")
  assert.equal(discussion.find("a").comments[1].unseen, false)
  discussion.put(thread("b", { comments: [comment("b", { unseen: true, mentions: [ada] })] }))
  discussion.drop("b")
  assert.deepEqual(badgeOf(discussion), { text: "1", words: "1 open thread", isCall: false })
})

const people = [ada, { id: 2, name: "Ada Lovelace" }, { id: 3, name: "Ben" }]

test("a name is being written behind an @ that begins a word", () => {
  assert.deepEqual(queryAt("Hi @ad", 6), { from: 3, query: "ad" })
  assert.deepEqual(queryAt("@", 1), { from: 0, query: "" })
  assert.equal(queryAt("me@example.org", 8), null)
  assert.equal(queryAt("@ada\nnew", 8), null)
  assert.equal(queryAt("no names", 8), null)
})

test("people are found by the beginning of any part of their name", () => {
  assert.deepEqual(matching(people, "lov").map(({ id }) => id), [2])
  assert.deepEqual(matching(people, "A").map(({ id }) => id), [1, 2])
  assert.deepEqual(matching(people, "da"), [])
  assert.deepEqual(complete("Hi @lo!", 6, 3, "Ada Lovelace"), { text: "Hi @Ada Lovelace !", caret: 17 })
})

test("a text calls those it names, and shows them", () => {
  assert.deepEqual(calledIn("Look, @Ben and @Ada Lovelace, @Benny and @Ben", people), [3, 2])
  const shown = pieces("@Ada Lovelace and @Ada, see", people)
  assert.deepEqual(shown.map(({ text, id }) => `${id ?? "-"}:${text}`), ["2:@Ada Lovelace", "-: and ", "1:@Ada", "-:, see"])
  assert.deepEqual(pieces("nobody", people), [{ text: "nobody", id: null }])
})
