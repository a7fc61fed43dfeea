import assert from "node:assert/strict"
import { test } from "node:test"

import { changeOfRights } from "../../static/js/models/rights.js"

const may = (run, edit) => ({ run, edit })

test("rights that are those of the page say nothing", () => {
  for (const same of [may(true, true), may(false, false)]) assert.equal(changeOfRights(same, { ...same }), "")
})

test("what was lost is said first, then what was won", () => {
  assert.match(changeOfRights(may(true, true), may(false, false)), /no longer edit.*not saved/)
  assert.match(changeOfRights(may(true, false), may(false, false)), /no longer run/)
  assert.match(changeOfRights(may(false, false), may(true, true)), /can edit.*now/)
})

test("a page that has switched its boxes does not warn of them", () => {
  assert.doesNotMatch(changeOfRights(may(true, true), may(false, false), true), /not saved/)
  assert.match(changeOfRights(may(false, false), may(true, true), true), /can edit.*now. Reload for/)
})
