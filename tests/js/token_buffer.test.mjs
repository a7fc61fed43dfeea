import assert from "node:assert/strict"
import { test } from "node:test"

import { TokenBuffer } from "../../static/js/models/token_buffer.js"

const start = (id) => ({ op: "start", run: "r", id, attempt: Number(id.split("-")[0]), prompt_tokens: 5, cached_tokens: 0 })
const delta = (id, text) => ({ op: "delta", run: "r", id, text, tokens: [{ t: text, id: 1, lp: -0.5, rank: 1 }] })
const reset = (id, snapshot) => ({ op: "reset", run: "r", id, snapshot })
const end = (id, status = "succeeded") => ({
  ...{ op: "end", run: "r", id, status, finish_reason: "stop", error: null },
  ...{ usage: { prompt_tokens: 5, cached_tokens: 0, completion_tokens: 2 }, timing: { total_ms: 10 } },
})

function played(...frames) {
  const buffer = new TokenBuffer("r")
  const kinds = frames.map((frame) => buffer.apply(frame, 0).kind)
  return { buffer, kinds }
}

test("frames in order become the text", () => {
  const { buffer, kinds } = played(start("1-1"), delta("1-2", "a"), delta("1-5", "b"), end("1-6"))
  assert.deepEqual(kinds, ["clear", "append", "append", "end"])
  assert.equal(buffer.text, "ab")
  assert.equal(buffer.tokens.length, 2)
  assert.equal(buffer.lastId, "1-6")
  assert.equal(buffer.isLive, false)
})

test("repeated and older frames change nothing", () => {
  const { buffer, kinds } = played(start("1-1"), delta("1-3", "a"), delta("1-3", "a"), delta("1-2", "x"), start("1-1"))
  assert.deepEqual(kinds.slice(2), ["ignore", "ignore", "ignore"])
  assert.equal(buffer.text, "a")
})

test("a new attempt voids what was shown", () => {
  const { buffer } = played(start("1-1"), delta("1-2", "old"), start("2-1"), delta("1-9", "late"), delta("2-2", "new"))
  assert.equal(buffer.text, "new")
  assert.equal(buffer.attempt, 2)
})

test("sequence numbers compare as numbers", () => {
  const { buffer } = played(start("1-1"), delta("1-9", "a"), delta("1-10", "b"))
  assert.equal(buffer.text, "ab")
})

test("a delta of an attempt whose start never came asks for everything again", () => {
  const { buffer, kinds } = played(start("1-1"), delta("1-2", "old"), delta("2-5", "middle"))
  assert.equal(kinds.at(-1), "lost")
  assert.equal(buffer.lastId, null)
  assert.equal(buffer.text, "")
})

test("a reset replaces everything, even when it goes back", () => {
  const snapshot = { status: "running", attempt: 1, text: "ab", tokens: [{ t: "a" }, { t: "b" }] }
  const { buffer, kinds } = played(start("1-1"), delta("1-40", "abc"), reset("1-30", snapshot), delta("1-31", "c"))
  assert.deepEqual(kinds.slice(2), ["replace", "append"])
  assert.equal(buffer.text, "abc")
  assert.equal(buffer.lastId, "1-31")
})

test("a reset without known tokens shows its text as one token", () => {
  const { buffer } = played(reset("1-3", { status: "running", attempt: 1, text: "kept", tokens: [] }))
  assert.deepEqual(buffer.tokens, [{ t: "kept" }])
})

test("an end with the id of the reset before it still counts", () => {
  const snapshot = { status: "succeeded", attempt: 1, text: "a", tokens: [] }
  const { buffer, kinds } = played(reset("1-7", snapshot), end("1-7"), end("1-7"))
  assert.deepEqual(kinds, ["replace", "end", "ignore"])
  assert.equal(buffer.timing.total_ms, 10)
})

test("the end of an older attempt is ignored", () => {
  const { buffer } = played(start("1-1"), start("2-1"), end("1-8", "failed"))
  assert.equal(buffer.status, "running")
})

test("a snapshot and the list of tokens it came with stay apart", () => {
  const tokens = [{ t: "a" }]
  const { buffer } = played(reset("1-1", { status: "running", attempt: 1, text: "a", tokens }), delta("1-2", "b"))
  assert.equal(buffer.text, "ab")
  assert.equal(tokens.length, 1)
})

test("places in the queue are heard only while the run lives", () => {
  const place = { op: "queue", run: "r", position: 3, ahead: 2, eta_seconds: 12, note: null }
  const { buffer, kinds } = played(place, start("1-1"), end("1-2"), place)
  assert.deepEqual(kinds, ["queue", "clear", "end", "ignore"])
  assert.equal(buffer.queue, null)
})

test("a loaded run is shown whole", () => {
  const buffer = new TokenBuffer("r")
  const run = { status: "failed", attempt: 2, text: "half", tokens: [{ t: "half" }], error: { code: "worker_lost", message: "m" } }
  assert.equal(buffer.load({ ...run, usage: {}, timing: {}, finish_reason: "failed" }).kind, "replace")
  assert.equal(buffer.error.code, "worker_lost")
  assert.equal(buffer.isLive, false)
})
