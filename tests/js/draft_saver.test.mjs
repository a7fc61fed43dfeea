import assert from "node:assert/strict"
import { test } from "node:test"

import { DraftSaver } from "../../static/js/models/draft_saver.js"
import { Clock } from "./clock.mjs"

const settled = () => new Promise((go) => setImmediate(go))

/** A saver over a page whose only content is its title, and a server that the test answers for. */
function desk() {
  const clock = new Clock()
  const page = { title: "a", scope: "", spec: { x: 1 }, inputs: [] }
  const states = []
  const requests = []
  const put = (body) => new Promise((resolve, reject) => requests.push({ body, resolve, reject }))
  const onState = (state, detail) => states.push(detail ? `${state}: ${detail}` : state)
  const saver = new DraftSaver({ version: 1, put, read: () => structuredClone(page), onState, clock })
  const type = (title) => {
    page.title = title
    saver.touch()
  }
  return { clock, page, states, requests, saver, type }
}

test("typing is saved once, after a pause", async () => {
  const { clock, requests, states, type } = desk()
  for (const title of ["b", "bc", "bcd"]) {
    type(title)
    clock.pass(300)
  }
  assert.equal(requests.length, 0)
  clock.pass(600)
  assert.equal(requests.length, 1)
  assert.deepEqual(requests[0].body, { draft_version: 1, title: "bcd", scope: "", spec: { x: 1 }, inputs: [] })
  requests[0].resolve({ draft_version: 2 })
  await settled()
  assert.equal(states.at(-1), "saved")
})

test("what is typed during a save is saved after it, with the new number", async () => {
  const { clock, requests, type } = desk()
  type("b")
  clock.pass(600)
  type("c")
  clock.pass(5000)
  assert.equal(requests.length, 1)
  requests[0].resolve({ draft_version: 2 })
  await settled()
  clock.pass(600)
  assert.equal(requests[1].body.draft_version, 2)
  assert.equal(requests[1].body.title, "c")
})

test("offline is said and tried again with growing waits", async () => {
  const { clock, requests, states, type } = desk()
  type("b")
  clock.pass(600)
  requests[0].reject({ code: "offline", status: 0 })
  await settled()
  assert.equal(states.at(-1), "offline")
  clock.pass(1000)
  requests[1].reject({ code: "offline", status: 0 })
  await settled()
  clock.pass(1000)
  assert.equal(requests.length, 2)
  clock.pass(1000)
  assert.equal(requests.length, 3)
})

test("a refusal is shown and not repeated until something changes", async () => {
  const { clock, requests, states, type } = desk()
  type("b")
  clock.pass(600)
  requests[0].reject({ code: "invalid", status: 422, message: "No." })
  await settled()
  clock.pass(60000)
  assert.equal(states.at(-1), "refused: No.")
  assert.equal(requests.length, 1)
  type("c")
  clock.pass(600)
  assert.equal(requests.length, 2)
})

async function conflicted() {
  const desks = desk()
  desks.type("mine")
  desks.clock.pass(600)
  const theirs = { draft_version: 7, title: "theirs", scope: "", spec: { x: 2 }, inputs: [{ y: 3 }] }
  desks.requests[0].reject({ code: "draft_conflict", status: 409, body: theirs })
  await settled()
  return desks
}

test("a conflict stops saving until somebody decides", async () => {
  const { clock, requests, states, type } = await conflicted()
  assert.equal(states.at(-1), "conflict")
  type("mine, longer")
  clock.pass(60000)
  assert.equal(requests.length, 1)
})

test("keep mine writes over their number", async () => {
  const { requests, saver, states } = await conflicted()
  saver.keepMine()
  assert.deepEqual([requests[1].body.draft_version, requests[1].body.title], [7, "mine"])
  requests[1].resolve({ draft_version: 8 })
  await settled()
  assert.equal(states.at(-1), "saved")
})

test("reload theirs gives their draft and saves from its number on", async () => {
  const { clock, page, requests, saver, type } = await conflicted()
  Object.assign(page, saver.takeTheirs())
  assert.deepEqual(page, { title: "theirs", scope: "", spec: { x: 2 }, inputs: [{ y: 3 }] })
  type("theirs, edited")
  clock.pass(600)
  assert.equal(requests[1].body.draft_version, 7)
})

test("a conflict with our own lost answer is none", async () => {
  const { clock, requests, states, type } = desk()
  type("b")
  clock.pass(600)
  const stored = { inputs: [], spec: { x: 1 }, scope: "", title: "b", draft_version: 2 }
  requests[0].reject({ code: "draft_conflict", status: 409, body: stored })
  await settled()
  assert.equal(states.at(-1), "saved")
})

test("what was stored without our hearing of it is no conflict for the next save", async () => {
  const { clock, requests, states, type } = desk()
  type("b")
  clock.pass(600)
  requests[0].reject({ code: "offline", status: 0 })
  await settled()
  type("c")
  clock.pass(600)
  const stored = { title: "b", scope: "", spec: { x: 1 }, inputs: [], draft_version: 2 }
  requests[1].reject({ code: "draft_conflict", status: 409, body: stored })
  await settled()
  clock.pass(600)
  assert.deepEqual([requests[2].body.draft_version, requests[2].body.title], [2, "c"])
  requests[2].resolve({ draft_version: 3 })
  await settled()
  assert.equal(states.at(-1), "saved")
})

test("nothing is sent when nothing changed", () => {
  const { requests, saver } = desk()
  saver.flush({ leaving: true })
  assert.equal(requests.length, 0)
})

test("what is changed and changed back needs no saving", async () => {
  const { clock, requests, states, type } = desk()
  type("b")
  type("a")
  clock.pass(1000)
  await settled()
  assert.equal(requests.length, 0)
  assert.equal(states.at(-1), "saved")
})

test("a conflict is told with what both began with", async () => {
  const { clock, page, requests, saver, type } = desk()
  const told = []
  saver.onConflict = (conflict) => told.push(conflict)
  type("b")
  clock.pass(600)
  requests[0].resolve({ draft_version: 2 })
  await settled()
  type("mine")
  clock.pass(600)
  requests[1].reject({ code: "draft_conflict", status: 409, body: { title: "theirs", scope: "", spec: { x: 2 }, inputs: [], draft_version: 3, by: { id: 5, name: "Bob" } } })
  await settled()
  assert.deepEqual(told.map(({ base, mine, theirs, by }) => [base.title, mine.title, theirs.title, by.name]), [["b", "mine", "theirs", "Bob"]])
  saver.takeTheirs()
  Object.assign(page, { title: "mine and theirs", spec: { x: 2 } })
  saver.touch()
  clock.pass(600)
  assert.deepEqual([requests[2].body.draft_version, requests[2].body.title], [3, "mine and theirs"])
  requests[2].reject({ code: "draft_conflict", status: 409, body: { title: "more", scope: "", spec: { x: 2 }, inputs: [], draft_version: 4 } })
  await settled()
  assert.equal(told[1].base.title, "theirs")
})
