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
  const runs = new RunWatch({ socket, read: async (id) => ({ run: stored[id] }), user: "ada" })
  const seen = []
  runs.addEventListener("change", ({ detail }) => seen.push(`${detail.buffer.run} ${detail.change.kind}`))
  return { runs, watched, cancelled, seen }
}

const done = (id) => ({ id, status: "succeeded", attempt: 1, text: id, tokens: [], usage: {}, timing: {}, user_name: "ada" })
const end = { op: "end", run: "new", id: "1-9", status: "succeeded", finish_reason: "stop", error: null, usage: {}, timing: {} }

test("a submitted run is shown, mine and stoppable until it ends", () => {
  const { runs, watched, cancelled } = desk()
  runs.begin({ id: "new", status: "queued" })
  assert.equal(runs.mine, "new")
  runs.stop()
  assert.deepEqual(cancelled, ["new"])
  watched.get("new")(end)
  assert.equal(runs.mine, null)
  assert.equal(watched.size, 0)
})

test("an earlier run is shown while mine goes on unseen", async () => {
  const { runs, watched, seen } = desk({ old: done("old") })
  runs.begin({ id: "new", status: "queued" })
  await runs.show("old")
  watched.get("new")({ op: "start", run: "new", id: "1-1" })
  assert.deepEqual(seen, ["new replace", "old replace"])
  assert.equal(runs.mine, "new")
  await runs.show("new")
  assert.equal(seen.at(-1), "new replace")
})

test("a live run of mine found after a reload can be stopped, somebody else's cannot", async () => {
  const live = { ...done("live"), status: "running" }
  const { runs } = desk({ live, theirs: { ...live, id: "theirs", user_name: "bob" } })
  await runs.show("theirs")
  assert.equal(runs.mine, null)
  await runs.show("live")
  assert.equal(runs.mine, "live")
})

test("the last click wins when answers come late", async () => {
  const answers = {}
  const { runs, seen } = desk()
  runs.read = (id) => new Promise((go) => (answers[id] = () => go({ run: done(id) })))
  const slow = runs.show("slow")
  const quick = runs.show("quick")
  answers.quick()
  await quick
  answers.slow()
  await slow
  assert.deepEqual(seen, ["quick replace"])
})
