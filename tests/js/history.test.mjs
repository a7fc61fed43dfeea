import assert from "node:assert/strict"
import { test } from "node:test"

import { amountWords, compareTexts, settingsThatDiffer, wordsOf } from "../../static/js/models/difference.js"
import { byDay, pick, RunList, rowWords } from "../../static/js/models/run_list.js"

// Far from UTC, so that a day of the server is not a day of the reader.
process.env.TZ = "Pacific/Auckland"

const row = (id, queued_at = "2026-05-04T12:00:00Z") => ({ id, queued_at })
const ids = (list) => list.rows.map(({ id }) => id).join("")
const page = (letters, more = false) => ({ runs: [...letters].map((id, age) => row(id, `2026-05-04T12:${50 - age}:00Z`)), more })

test("runs lie under the days of the reader's clock", () => {
  const now = new Date("2026-05-04T22:00:00Z") // the 5th in Auckland
  const rows = [row("a", "2026-05-04T21:00:00Z"), row("b", "2026-05-04T12:00:00Z"), row("c", "2026-05-04T11:59:59Z"), row("d", "2026-05-02T00:00:00Z")]
  const days = byDay(rows, now).map(({ label, rows }) => `${label}: ${rows.map(({ id }) => id).join("")}`)
  assert.deepEqual(days, ["Today: ab", "Yesterday: c", "Saturday, May 2, 2026: d"])
})

test("yesterday is yesterday also when the clocks were changed in the night", () => {
  const now = new Date("2026-04-05T20:00:00Z") // 8 in the morning after a day of 25 hours
  assert.deepEqual(byDay([row("a", "2026-04-04T20:00:00Z")], now).map(({ label }) => label), ["Yesterday"])
})

test("a new run comes to the front and older pages stay", () => {
  const list = new RunList()
  list.reset(page("bcd", true))
  list.extend({ runs: [row("e", "2026-05-04T11:00:00Z")], more: false })
  list.refresh({ runs: [row("a", "2026-05-04T13:00:00Z"), ...page("bcd").runs.slice(0, 2)], more: true })
  assert.equal(ids(list), "abcde")
  assert.equal(list.more, false)
  assert.equal(list.last, "e")
})

test("a run that a search finds no longer goes, and one in between does not come twice", () => {
  const list = new RunList()
  list.reset(page("abcd"))
  list.refresh({ runs: [page("abcd").runs[0], page("abcd").runs[3]], more: false })
  assert.equal(ids(list), "ad")
})

test("news of a run bring its row to its place, or up to date", () => {
  const list = new RunList()
  list.reset(page("bcd"))
  list.put({ ...row("a", "2026-05-04T13:00:00Z"), status: "queued" })
  list.put(row("z", "2026-05-04T11:00:00Z"))
  assert.equal(ids(list), "abcdz")
  list.put({ id: "a", status: "succeeded" })
  assert.deepEqual(list.rows[0], { id: "a", queued_at: "2026-05-04T13:00:00Z", status: "succeeded" })
})

test("two runs are picked at most, the latest two", () => {
  assert.deepEqual(pick(["a", "b"], "c", true), ["b", "c"])
  assert.deepEqual(pick(["a", "b"], "a", false), ["b"])
  assert.deepEqual(pick(["a"], "a", true), ["a"])
})

test("a run is told in one line", () => {
  const run = { settings: { mode: "sample", temperature: 0.7, seed: 1 }, prompt_tokens: 1200, completion_tokens: 8, user_name: "Ada", model: "m" }
  assert.equal(rowWords(run), "sample 0.7 · seed 1 · 1,200 → 8 tokens · Ada · m")
  assert.equal(rowWords({ ...run, prompt_tokens: null, settings: { mode: "sample", temperature: 0.7, seed: null } }), "sample 0.7 · ? → 8 tokens · Ada · m")
  assert.equal(rowWords({ ...run, completion_tokens: 0, settings: { mode: "greedy" } }), "greedy · Ada · m")
})

const marked = (pieces) => pieces.map(({ kind, text }) => ({ deleted: `[-${text}-]`, inserted: `{+${text}+}`, same: text })[kind]).join("")

test("texts differ by words, and both can be read off the pieces", () => {
  const pieces = compareTexts("Answer with one word.", "Answer with a single word.")
  assert.equal(marked(pieces), "Answer with[- one-]{+ a single+} word.")
  assert.equal(amountWords(pieces), "1 deleted, 2 inserted")
  const whole = (kinds) => pieces.filter(({ kind }) => kinds.includes(kind)).map(({ text }) => text).join("")
  assert.equal(whole(["same", "deleted"]), "Answer with one word.")
  assert.equal(whole(["same", "inserted"]), "Answer with a single word.")
})

test("words of every script are whole, and nothing of a text is lost", () => {
  assert.equal(marked(compareTexts("ответ да", "ответ нет")), "ответ[- да-]{+ нет+}")
  for (const text of ["", " ", "a  b\n\n c\t", "naïve café, 東京タワー!", "  x", "mixed אבג text 👩‍👩‍👧\r\n"]) assert.equal(wordsOf(text).join(""), text)
})

test("equal texts, and texts that differ in spaces only, are told apart", () => {
  assert.equal(amountWords(compareTexts("a b", "a b")), "the same in both")
  assert.equal(amountWords(compareTexts("a\nb", "a\n\nb")), "only spaces differ")
})

test("only what differs is listed, in words", () => {
  const settings = { mode: "greedy", max_new_tokens: 16, temperature: null, top_k: null, top_p: null, stop: ["\n"], seed: null }
  const spec = { layout: "chat", examples: [{ on: true }, { on: true }] }
  const before = { model: "m", spec, settings }
  const after = { model: "m", spec: { ...spec, shots: 1 }, settings: { ...settings, mode: "sample", temperature: 0.5, stop: [] } }
  assert.deepEqual(settingsThatDiffer(before, before), [])
  assert.deepEqual(settingsThatDiffer(before, after), [
    { name: "shots", before: "2-shot", after: "one-shot" },
    { name: "decoding", before: "greedy", after: "sample" },
    { name: "temperature", before: "not used", after: "0.5" },
    { name: "stop strings", before: '"\\n"', after: "none" },
  ])
})
