import assert from "node:assert/strict"
import { test } from "node:test"

import { nextLook, optionWords, stateWords, wishWords } from "../../static/js/models/model_words.js"

test("a model says how it stands", () => {
  const words = (state, detail) => stateWords({ state, detail })
  assert.equal(words("warm", "bfloat16 on cpu"), "warm · bf16 on cpu")
  assert.equal(words("loading", "loading weights (0.3 GB)"), "loading weights (0.3 GB)")
  assert.equal(words("failed", "no such file"), "failed: no such file")
  assert.equal(words("absent", ""), "absent")
})

test("models that are not chosen say what is missing", () => {
  assert.equal(optionWords({ title: "A", state: "absent" }, false), "A (not loaded)")
  assert.equal(optionWords({ title: "A", state: "absent" }, true), "A")
  assert.equal(optionWords({ title: "A", state: "warm" }, false), "A")
})

test("the button says what it will do, and is gone when nothing may be asked", () => {
  assert.equal(wishWords({ state: "absent", can: "load" }), "Load")
  assert.equal(wishWords({ state: "failed", can: "load" }), "Try again")
  assert.equal(wishWords({ state: "loading", can: "unload" }), "Stop")
  assert.equal(wishWords({ state: "warm", can: "unload" }), "Unload")
  assert.equal(wishWords({ state: "warm", can: "" }), "")
})

test("the page looks often only while something can move", () => {
  const [warm, loading, absent] = [["warm", ""], ["loading", "unload"], ["absent", "load"]].map(([state, can]) => ({ state, can }))
  assert.ok(nextLook([warm, loading]) < nextLook([warm, absent]))
  assert.ok(nextLook([warm, absent], true) < nextLook([warm, absent]))
  assert.ok(nextLook([{ state: "absent", can: "" }]) < nextLook([warm, absent]))
  assert.ok(nextLook(undefined) < nextLook([warm]))
})

test("a remote model says where prompts go", () => {
  const far = { title: "A", server: "far.example", detail: "no connection" }
  assert.equal(stateWords({ ...far, state: "warm" }), "reachable · prompts go to far.example")
  assert.equal(stateWords({ ...far, state: "failed" }), "not reachable: no connection · prompts go to far.example")
  assert.equal(stateWords({ ...far, state: "absent", detail: "not connected" }), "not connected · prompts go to far.example")
  assert.equal(optionWords({ ...far, state: "failed" }, false), "A (not reachable)")
  assert.deepEqual(["load", "unload", ""].map((can) => wishWords({ ...far, state: "warm", can })), ["Connect", "Disconnect", ""])
  assert.deepEqual(["load", "unload"].map((can) => wishWords({ ...far, state: "failed", can })), ["Try again", "Disconnect"])
})
