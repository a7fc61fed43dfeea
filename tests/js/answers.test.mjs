import assert from "node:assert/strict"
import { test } from "node:test"

import { inNextFrame } from "../../static/js/lib/frames.js"
import { TabMemory } from "../../static/js/lib/tab_memory.js"
import { AnswerSet, MOST_OPENED, MOST_PAGES, MOST_PEOPLE, shownRun } from "../../static/js/models/answer_set.js"
import { faultInLadder, faultInSamples, ladder, placedCount, rungs, samples, shotName } from "../../static/js/models/run_plan.js"
import { askedWords, groupWords, startedWords, stoppedWords } from "../../static/js/models/run_words.js"
import { TokenBuffer } from "../../static/js/models/token_buffer.js"

const press = (set, keys, prefix) => set.begin(keys.map((key) => ({ key, run: `${prefix}${key}` })))
const shown = (set) => set.cards.map(shownRun)

test("the same press again turns a page on every card, so that earlier answers stay", () => {
  const set = new AnswerSet()
  press(set, ["x", "y"], "1")
  press(set, ["x", "y"], "2")
  assert.deepEqual(shown(set), ["2x", "2y"])
  set.step(set.cards[0], -1)
  assert.deepEqual(shown(set), ["1x", "2y"])
  set.step(set.cards[0], -1)
  assert.equal(set.cards[0].at, 0)
})

test("another press begins new cards and leaves those that were opened from the history", () => {
  const set = new AnswerSet()
  press(set, ["x"], "1")
  set.open("old")
  press(set, ["y", "z"], "2")
  assert.deepEqual(shown(set), ["2y", "2z", "old"])
})

test("a run is opened where it already is, and too many opened ones go from the front", () => {
  const set = new AnswerSet()
  press(set, ["x"], "1")
  press(set, ["x"], "2")
  set.open("1x")
  assert.deepEqual(shown(set), ["1x"])
  for (let run = 0; run <= MOST_OPENED; run += 1) set.open(`old ${run}`)
  assert.equal(set.cards.length, MOST_OPENED + 1)
  assert.ok(!shown(set).includes("old 0"))
})

test("a run that is gone takes its card along only when it was alone on it", () => {
  const set = new AnswerSet()
  press(set, ["x", "y"], "1")
  set.add(set.cards[0], "again")
  for (const run of ["again", "1y"]) set.drop(run)
  assert.deepEqual(shown(set), ["1x"])
})

const bo = { id: 2, name: "Bo" }

test("what somebody else starts is one card, which stays with the answer that is being written", () => {
  const set = new AnswerSet()
  press(set, ["x"], "mine ")
  const live = new Set(["b1"])
  const meet = (run) => set.meet(bo, run, (one) => live.has(one))
  for (const run of ["b1", "b2", "b3", "b3"]) meet(run)
  assert.deepEqual(shown(set), ["mine x", "b1"])
  assert.deepEqual(set.cardOf(bo).runs, ["b1", "b2", "b3"])
  live.clear()
  meet("b4")
  assert.deepEqual(shown(set), ["mine x", "b4"])
})

test("a press of one's own leaves the cards of others, and they do not count as opened", () => {
  const set = new AnswerSet()
  set.meet(bo, "b", () => true)
  press(set, ["x"], "")
  for (let run = 0; run <= MOST_OPENED; run += 1) set.open(`old ${run}`)
  assert.ok(set.runs.includes("b"))
  assert.equal(set.open("b"), set.cardOf(bo))
})

test("people and pages are bounded, and nobody who is writing is pushed away", () => {
  const set = new AnswerSet()
  const meet = (id, run, live = true) => set.meet({ id, name: `${id}` }, run, () => live)
  for (let id = 0; id < MOST_PEOPLE; id += 1) meet(id, `run ${id}`)
  assert.equal(meet("late", "l"), null)
  assert.equal(meet("late", "l", false).runs[0], "l")
  assert.equal(set.cardOf({ id: 0 }), undefined)
  for (let run = 0; run < 2 * MOST_PAGES; run += 1) meet("late", `l${run}`, false)
  assert.equal(set.cardOf({ id: "late" }).runs.length, MOST_PAGES)
  assert.equal(shownRun(set.cardOf({ id: "late" })), `l${2 * MOST_PAGES - 1}`)
})

test("who has started runs is told in one line", () => {
  const words = [[], ["Bo"], ["Bo", "Cy"], ["Bo", "Cy", "Di"]].map(startedWords)
  assert.deepEqual(words, ["", "Bo started a run", "Bo and Cy started runs", "Bo and 2 others started runs"])
})

const examples = ["a", "b", "c", "d"].map((id) => ({ id, on: id !== "b" }))
const spec = (changes) => ({ examples, settings: { mode: "sample", seed: null }, ...changes })

test("a ladder has no example, one, and all that are placed", () => {
  const climbed = ladder(spec()).map((rung) => placedCount(rung.spec))
  assert.deepEqual(climbed, [0, 1, 3])
  assert.deepEqual(ladder(spec({ shots: 2 })).map((rung) => rung.spec.shots), [0, 1, 2])
  assert.deepEqual(rungs(spec({ shots: 1 })), [0, 1])
  assert.equal(faultInLadder(spec()), "")
  assert.match(faultInLadder(spec({ examples: [] })), /example/)
  assert.deepEqual([0, 1, 5].map(shotName), ["zero-shot", "one-shot", "5-shot"])
})

test("every sample has a seed of its own: drawn by the server, or counted up from the chosen one", () => {
  const seeds = (seed) => samples(spec({ settings: { mode: "sample", seed } }), 3).map((run) => run.spec.settings.seed)
  assert.deepEqual(seeds(null), [null, null, null])
  assert.deepEqual(seeds(7), [7, 8, 9])
  assert.deepEqual(seeds(2 ** 32 - 1), [2 ** 32 - 1, 0, 1])
  assert.equal(new Set(samples(spec(), 8).map((run) => run.key)).size, 8)
  assert.match(faultInSamples({ settings: { mode: "greedy" } }), /repeats/)
  assert.equal(faultInSamples(spec()), "")
})

test("several runs are told together, one in its own words", () => {
  const queued = new TokenBuffer("q")
  const running = new TokenBuffer("r", "running")
  queued.apply({ op: "queue", run: "q", ahead: 2, eta_seconds: 9, note: null }, 0)
  assert.equal(groupWords([queued], 0), "2 ahead · about 9 s")
  assert.equal(groupWords([queued, running], 0), "1 streaming · 1 waiting · 2 ahead · about 9 s")
  assert.equal(groupWords([new TokenBuffer("d", "succeeded")], 0), "")
})

test("a card says how it was asked and that it was stopped", () => {
  assert.equal(askedWords({ settings: { mode: "greedy" }, model: "m" }), "greedy · m")
  assert.equal(askedWords({ settings: { mode: "sample", temperature: 0.7, seed: 5 }, model: "m" }), "seed 5 · temperature 0.7 · m")
  assert.equal(askedWords({ settings: { mode: "sample", temperature: 0.7, seed: null } }), "temperature 0.7")
  assert.match(stoppedWords({ status: "cancelled", text: "" }), /before the first token/)
  assert.match(stoppedWords({ status: "cancelled", text: "It" }), /kept/)
  assert.equal(stoppedWords({ status: "succeeded", text: "" }), "")
})

test("a tab whose storage is forbidden remembers nothing and goes on", () => {
  const broken = { getItem: () => { throw new Error() }, setItem: () => { throw new Error() } }
  const memory = new TabMemory("k", broken)
  memory.keep([1])
  assert.equal(memory.read(), null)
  const kept = {}
  const working = new TabMemory("k", { getItem: (key) => kept[key] ?? null, setItem: (key, text) => (kept[key] = text) })
  assert.equal(working.read(), null)
  working.keep([1])
  assert.deepEqual(working.read(), [1])
})

test("in one frame all write before anybody measures, and new work waits for the next", (t) => {
  const frames = []
  Object.assign(globalThis, { document: { hidden: false }, requestAnimationFrame: (draw) => frames.push(draw) })
  t.after(() => {
    delete globalThis.document
    delete globalThis.requestAnimationFrame
  })
  const done = []
  const work = (name) => inNextFrame(() => done.push(`write ${name}`), () => done.push(`measure ${name}`))
  inNextFrame(() => work("c"), () => {})
  work("a")
  work("b")
  assert.equal(frames.length, 1)
  frames.shift()()
  assert.deepEqual(done, ["write a", "write b", "measure a", "measure b"])
  frames.shift()()
  assert.deepEqual(done.slice(4), ["write c", "measure c"])
  assert.equal(frames.length, 0)
})
