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
const begin = (runs, ...ids) => ids.forEach((id) => runs.begin({ id, status: "queued", user_id: 1 }, { examples: [] }))

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

test("a run that I started on another page is watched here, and stopped there", async () => {
  const { runs } = desk({ live: { ...done("live"), status: "running" } })
  await runs.open("live", true)
  assert.equal(runs.mine.size, 0)
})

test("a run that is opened twice at once is one run", async () => {
  const { runs } = desk({ old: done("old") })
  const [first, second] = await Promise.all([runs.open("old"), runs.open("old")])
  assert.equal(first, second)
})

const told = (id, user = 2) => ({ id, status: "queued", user_id: user, user_name: "Bo", shots: 2, settings: {} })

test("a run of which news told is followed without asking the server, and never mine", async () => {
  const { runs, watched, cancelled } = desk({ b: { ...done("b"), spec: { examples: [], input: {} } } })
  begin(runs, "a")
  assert.equal(await runs.knows(told("b")), false)
  for (let times = 0; times < 2; times += 1) runs.meet(told("b"))
  assert.deepEqual([...watched.keys()], ["a", "b"])
  const { about } = await runs.open("b")
  assert.deepEqual([about.user, about.userName, about.shots, about.spec], [2, "Bo", 2, undefined])
  runs.stop()
  assert.deepEqual(cancelled, ["a"], "stopping mine touches nobody else's")
  assert.deepEqual(await runs.specOf("b"), { examples: [], input: {} })
  const ends = []
  runs.addEventListener("ended", ({ detail }) => ends.push(detail))
  for (const run of ["b", "a"]) watched.get(run)(end(run))
  assert.deepEqual(ends, [{ run: "b", isMine: false }, { run: "a", isMine: true }])
})

test("news of a run that this page is just starting waits for the answer; of another page of mine it is news", async () => {
  const { runs } = desk()
  let answer
  const started = runs.start(new Promise((resolve) => (answer = resolve)), { examples: [] })
  const known = runs.knows(told("a", 1))
  answer({ id: "a", status: "queued", user_id: 1 })
  assert.equal(await known, true)
  assert.equal((await started).id, "a")
  assert.equal(await runs.knows(told("elsewhere", 1)), false)
  runs.meet(told("elsewhere", 1))
  assert.deepEqual([...runs.mine], ["a"])
})

test("a run that could not be started holds up no news", async () => {
  const { runs } = desk()
  const failed = runs.start(Promise.reject(new Error("refused")), {})
  assert.equal(await runs.knows(told("x", 1)), false)
  await assert.rejects(failed, /refused/)
  assert.equal(runs.asked.size, 0)
})
