import assert from "node:assert/strict"
import { test } from "node:test"

import { uniqueId } from "../../static/js/lib/unique.js"
import { Announcer } from "../../static/js/models/announcer.js"
import { Draft, shotLabel } from "../../static/js/models/draft.js"
import { faultInStops, readStops, showStops } from "../../static/js/models/escapes.js"
import { factsOf, waitingWords } from "../../static/js/models/run_words.js"
import { ScrollKeeper } from "../../static/js/models/scroll_keeper.js"
import { TokenBuffer } from "../../static/js/models/token_buffer.js"

test("stop strings survive being shown and read", () => {
  for (const stops of [["\n"], ["\n\n", "END"], ["\t", "\r\n"], ["\\n"], ["a\\b", "\\"], [" ", "  x "], ["é", "😀"]]) {
    assert.deepEqual(readStops(showStops(stops)), stops)
  }
})

test("stop strings are one per line without empty ones and repeats", () => {
  assert.deepEqual(readStops("\\n\n\nEND\nEND\n"), ["\n", "END"])
  assert.deepEqual(readStops("\\q"), ["\\q"])
})

test("too many or too long stop strings are named", () => {
  const limits = { stop_strings: 2, stop_string_chars: 3 }
  assert.equal(faultInStops(["a", "b"], limits), "")
  assert.match(faultInStops(["a", "b", "c"], limits), /At most 2/)
  assert.match(faultInStops(["abcd"], limits), /at most 3 characters/)
  assert.equal(faultInStops(["😀😀😀"], limits), "")
})

const box = (scrollTop) => ({ scrollTop, scrollHeight: 500, clientHeight: 100 })

test("the box follows its end while the reader is there", () => {
  const at = box(390)
  const keeper = new ScrollKeeper(at)
  keeper.read()
  at.scrollHeight = 900
  keeper.keep()
  assert.equal(at.scrollTop, 900)
})

test("a reader who scrolled up stays there until a new answer", () => {
  const at = box(120)
  const keeper = new ScrollKeeper(at)
  keeper.read()
  keeper.keep()
  assert.equal(at.scrollTop, 120)
  keeper.restart()
  keeper.keep()
  assert.equal(at.scrollTop, 500)
})

test("unique ids need no secure page", () => {
  const plainHttp = { getRandomValues: (bytes) => globalThis.crypto.getRandomValues(bytes) }
  const ids = new Set(Array.from({ length: 100 }, () => uniqueId(plainHttp)))
  assert.equal(ids.size, 100)
  assert.match([...ids][0], /^[0-9a-f]{32}$/)
})

function draft() {
  const examples = ["a", "b", "c"].map((id) => ({ id, values: { review: id }, output: "x", on: id !== "c" }))
  const spec = { fields: ["review"], output_name: "label", examples, input: { review: "in" } }
  return new Draft({ title: "", scope: "", spec })
}

test("examples move, and stay inside the list", () => {
  const made = draft()
  made.moveExample("a", 2)
  made.moveExample("b", -5)
  assert.deepEqual(made.spec.examples.map((example) => example.id), ["b", "c", "a"])
})

test("a renamed field keeps its values everywhere", () => {
  const made = draft()
  assert.equal(made.renameField("review", "text"), "")
  assert.deepEqual(made.spec.fields, ["text"])
  assert.deepEqual(made.spec.input, { text: "in" })
  assert.deepEqual(made.spec.examples[1].values, { text: "b" })
})

test("two columns cannot have one name", () => {
  const made = draft()
  assert.match(made.renameField("review", "label"), /already/)
  assert.match(made.renameOutput("review"), /already/)
  assert.match(made.renameField("review", ""), /needs a name/)
  assert.deepEqual(made.spec.fields, ["review"])
})

test("a removed field takes its values along", () => {
  const made = draft()
  made.addField()
  assert.deepEqual(made.spec.fields, ["review", "field 2"])
  made.removeField("review")
  assert.deepEqual(made.spec.input, {})
  assert.deepEqual(made.spec.examples[0].values, {})
})

test("the number of shots has its name", () => {
  assert.equal(draft().shots, 2)
  assert.deepEqual([shotLabel(0, 0), shotLabel(1, 1), shotLabel(5, 5)], ["zero-shot", "one-shot", "few-shot"])
  assert.equal(shotLabel(2, 3), "few-shot · 2 of 3 on")
})

test("screen readers hear sentences, not tokens", () => {
  const said = []
  const announcer = new Announcer((text) => said.push(text))
  for (const token of ["It", " is", " late", ".", " Good", " night"]) announcer.hear(token)
  announcer.finish("Answer complete.")
  assert.deepEqual(said, ["It is late.", "Good night Answer complete."])
})

test("a finished run is told in numbers and why it ended", () => {
  const buffer = new TokenBuffer("r", "succeeded")
  const timing = { tokens_per_second: 41.23, first_token_ms: 210, total_ms: 1500 }
  Object.assign(buffer, { timing, usage: { completion_tokens: 1, cached_tokens: 30 }, finishReason: "stop_string" })
  assert.equal(
    factsOf(buffer, 0),
    "done · 1 token · 41.2 tok/s · first token 0.21 s · total 1.50 s · 30 prompt tokens reused · met a stop string",
  )
})

test("tokens that were given are not counted as the model's", () => {
  const buffer = new TokenBuffer("r", "running")
  buffer.tokens = [{ t: "a", given: true }, { t: "b", given: true }, { t: "c" }]
  assert.equal(factsOf(buffer, 0), "streaming · 1 token after 2 given")
  Object.assign(buffer, { status: "succeeded", usage: { completion_tokens: 4, given_tokens: 2 }, finishReason: "length" })
  assert.equal(factsOf(buffer, 0), "done · 4 tokens after 2 given · reached max new tokens")
})

test("the speed of a run that was found half-way counts only what was seen to arrive", () => {
  const buffer = new TokenBuffer("r")
  const tokens = Array.from({ length: 100 }, () => ({ t: "a" }))
  buffer.apply({ op: "reset", run: "r", id: "1-9", snapshot: { status: "running", attempt: 1, text: "a", tokens } }, 0)
  buffer.apply({ op: "delta", run: "r", id: "1-10", text: "b", tokens: [{ t: "b" }] }, 100)
  buffer.apply({ op: "delta", run: "r", id: "1-11", text: "cd", tokens: [{ t: "c" }, { t: "d" }] }, 1100)
  assert.equal(factsOf(buffer, 1100), "streaming · 103 tokens · 2.0 tok/s")
})

test("a running run that falls silent says for how long", () => {
  const buffer = new TokenBuffer("r")
  buffer.apply({ op: "start", run: "r", id: "1-1" }, 1000)
  assert.equal(waitingWords(buffer, 2000), "reading the prompt")
  assert.equal(waitingWords(buffer, 8000), "no new token for 7 s")
})

test("a waiting run says what it waits for", () => {
  const waiting = (queue) => waitingWords({ status: "queued", queue, tokens: [], isLive: true, heardAt: null }, 0)
  assert.equal(waiting({ ahead: 2, etaSeconds: 12.4, note: null }), "2 ahead · about 12 s")
  assert.equal(waiting({ ahead: 0, etaSeconds: null, note: null }), "next in line")
  assert.equal(waiting({ ahead: 0, etaSeconds: null, note: "loading weights" }), "loading weights")
})
