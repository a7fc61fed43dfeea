import assert from "node:assert/strict"
import { test } from "node:test"

import { namesIn, newNames, suggested } from "../../static/js/models/tags.js"

test("commas divide names, and white space counts once", () => {
  assert.deepEqual(namesIn(" a , two \n  words,, "), ["a", "two words"])
})

test("a name that is there is not new, a known one is spelled as the team does", () => {
  assert.deepEqual(newNames(["One"], "ONE, draft, new, New", ["Draft"]), ["Draft", "new"])
})

test("what an experiment has is not suggested", () => {
  assert.deepEqual(suggested(["DRAFT"], ["Draft", "other"]), ["other"])
})
