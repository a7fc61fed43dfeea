import assert from "node:assert/strict"
import { test } from "node:test"

import { RunWatch } from "../../static/js/models/run_watch.js"

function desk(stored = {}) {
  const watched = new Map()
  const cancelled = []
  const socket = {
    watch: (run, onFrame) => watched.set(run, onFrame),
    unwatch: (run) => watched.delete(run),
    cancel: (run) => cancelled.push(run),
  }
  const runs = new RunWatch({ socket, read: async (id) => stored[id], user: 1 })
  const seen = []
  runs.addEventListener("change", ({ detail }) => seen.push(`${detail.buffer.run} ${detail.change.kind}`))
  return { runs, watched, cancelled, seen }
}

const done = (id) => ({ id, status: "succeeded", attempt: 1, text: id, tokens: [], usage: {}, timing: {}, user_id: 1 })
const end = (id) => ({ op: "end", run: id, id: "1-9", status: "succeeded", finish_reason: "stop", error: null, usage: {}, timing: {} })
const begin = (runs, ...ids) => ids.forEach((id) => runs.begin({ id, status: "queued" }, { input: {} }))

test("submitted runs are mine and stoppable, each and together, until they end", () => {
  const { runs, watched, cancelled } = desk()
  begin(runs, "a", "b")
  runs.stop("b")
  runs.stop()
  assert.deepEqual(cancelled, ["b", "a", "b"])
  watched.get("a")(end("a"))
  assert.deepEqual([...runs.mine], ["b"])
  watched.get("b")(end("b"))
  assert.equal(runs.mine.size, 0)
  assert.equal(watched.size, 0)
})

test("every run that is held is told of, beside each other", async () => {
  const { runs, watched, seen } = desk({ old: done("old") })
  begin(runs, "a", "b")
  assert.equal((await runs.open("old")).text, "old")
  for (const run of ["a", "b"]) watched.get(run)({ op: "start", run, id: "1-1" })
  assert.deepEqual(seen, ["a clear", "b clear"])
})

test("a live run of mine whose card was closed goes on, and is forgotten when it ends", async () => {
  const { runs, watched, cancelled } = desk({ a: done("a") })
  begin(runs, "a")
  runs.close("a")
  runs.stop()
  assert.deepEqual(cancelled, ["a"])
  watched.get("a")(end("a"))
  assert.equal(runs.buffers.size, 0)
  assert.equal((await runs.open("a")).status, "succeeded")
})

test("a live run of mine found after a reload can be stopped, somebody else's cannot", async () => {
  const live = { ...done("live"), status: "running" }
  const { runs, watched } = desk({ live, theirs: { ...live, id: "theirs", user_id: 2 } })
  await runs.open("theirs")
  assert.equal(runs.mine.size, 0)
  await runs.open("live")
  assert.deepEqual([...runs.mine], ["live"])
  runs.close("theirs")
  assert.deepEqual([...watched.keys()], ["live"])
})

test("a run that is opened twice at once is one run", async () => {
  const { runs } = desk({ old: done("old") })
  const [first, second] = await Promise.all([runs.open("old"), runs.open("old")])
  assert.equal(first, second)
})
