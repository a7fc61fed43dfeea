import assert from "node:assert/strict"
import { test } from "node:test"

import { Draft } from "../../static/js/models/draft.js"
import { TokenProbe } from "../../static/js/models/token_probe.js"
import { Clock } from "./clock.mjs"

const warm = [{ name: "m", state: "warm" }]
const settle = () => new Promise((go) => setImmediate(go))

/** A probe on a draft, with a server that answers when the test says so. */
function make() {
  const spec = { model: "m", instruction: "a", settings: { temperature: 1 } }
  const draft = new Draft({ title: "", scope: "", spec })
  const clock = new Clock()
  const asked = []
  const ask = (body, signal) => new Promise((answer, refuse) => asked.push({ body, signal, answer, refuse }))
  const probe = new TokenProbe({ draft, ask, clock })
  return { draft, clock, asked, probe, write: (text) => draft.change(() => (draft.spec.instruction = text)) }
}

test("nothing is asked while the panel is closed or the model cold", () => {
  const { probe, asked } = make()
  probe.showModels(warm)
  assert.equal(asked.length, 0)
  probe.showModels([{ name: "m", state: "absent", can: "load" }])
  probe.open(true)
  assert.equal(asked.length, 0)
  assert.match(probe.words, /not loaded/)
  probe.showModels([{ name: "m", state: "loading", detail: "loading weights" }])
  assert.match(probe.words, /loading weights/)
  probe.showModels(warm)
  assert.equal(asked.length, 1)
  assert.equal(probe.words, "")
})

test("typing is asked about once, sliders and further looks not at all", async () => {
  const { probe, asked, clock, draft, write } = make()
  probe.showModels(warm)
  probe.open(true)
  asked[0].answer("first")
  await settle()
  for (const text of ["b", "bc", "bcd"]) write(text)
  clock.pass(1000)
  assert.equal(asked.length, 2)
  assert.equal(probe.found, "first") // stays on the screen meanwhile
  draft.change(() => (draft.spec.settings = { temperature: 2 }))
  clock.pass(1000)
  probe.showModels(warm)
  assert.equal(asked.length, 2)
})

test("an answer that comes too late is not shown", async () => {
  const { probe, asked, clock, write } = make()
  probe.showModels(warm)
  probe.open(true)
  write("b")
  clock.pass(1000)
  assert.ok(asked[0].signal.aborted)
  asked[1].answer("new")
  asked[0].answer("old")
  await settle()
  assert.equal(probe.found, "new")
  assert.equal(probe.isAsking, false)
})

test("a place in an answer is shown until people go back or write on", async () => {
  const { probe, asked, clock, write } = make()
  probe.showModels(warm)
  probe.open(true)
  probe.goTo({ run: "r", at: 3 })
  assert.deepEqual(asked.at(-1).body, { run: "r", at: 3 })
  probe.backToPrompt()
  assert.equal(asked.at(-1).body.spec.instruction, "a")
  probe.goTo({ run: "r", at: 4 })
  write("b")
  clock.pass(1000)
  assert.equal(asked.at(-1).body.spec.instruction, "b")
  assert.equal(probe.place, null)
})

test("a refusal is told; one that may pass is asked again", async () => {
  const { probe, asked, clock } = make()
  probe.showModels(warm)
  probe.open(true)
  asked[0].refuse({ message: "Busy.", retryAfter: 5 })
  await settle()
  assert.equal(probe.words, "Busy.")
  clock.pass(5000)
  assert.equal(asked.length, 2)
  asked[1].refuse({ message: "Too long.", retryAfter: 0 })
  await settle()
  clock.pass(60000)
  assert.equal(asked.length, 2)
  assert.equal(probe.words, "Too long.")
})
