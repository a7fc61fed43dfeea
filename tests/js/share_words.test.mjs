import assert from "node:assert/strict"
import { test } from "node:test"

import { expiryOf, factsWords, titleWords } from "../../static/js/models/share_words.js"

const LINK = { mode: "live", state: "open", made_by: "Alice", created_at: "a", views: 0, last_viewed_at: null, expires_at: null, passphrase: false }
const show = (iso) => `<${iso}>`

test("a link says what it shows and whether it still does", () => {
  assert.equal(titleWords(LINK), "Live")
  assert.equal(titleWords({ ...LINK, mode: "snapshot", state: "revoked" }), "Snapshot, revoked")
})

test("the facts of a link", () => {
  assert.equal(factsWords(LINK, show), "made by Alice <a> · not looked at yet · does not end")
  const seen = { ...LINK, views: 1200, last_viewed_at: "b", expires_at: "c", passphrase: true }
  assert.equal(factsWords(seen, show), "made by Alice <a> · 1,200 views, the last <b> · ends <c> · with a passphrase")
  assert.equal(factsWords({ ...LINK, made_by: "", state: "expired", views: 1, last_viewed_at: "b" }, show), "made <a> · 1 view, the last <b>")
})

test("a day ends when the next one begins, at this place", () => {
  assert.equal(expiryOf("week", ""), "week")
  assert.equal(new Date(expiryOf("date", "2026-12-31")).getTime(), new Date(2027, 0, 1).getTime())
})
