import assert from "node:assert/strict"
import { test } from "node:test"

import { duration, isDecided, notes, rowWords } from "../../static/js/models/result_words.js"

const figures = {
  answers: 10,
  logprob_mean: -0.5,
  latency_ms: 1234.5,
  first_token_ms: 85.2,
  prompt_tokens: 1031.4,
  completion_tokens: 8,
  samples: 4,
  distinct: 1.5,
  same_as_baseline: 3,
}
const verdict = {
  rows: { better: 9, worse: 1, tie: 0, both_bad: 2 },
  decided: 10,
  preferred: 0.9,
  interval: [0.596, 0.982],
  p_holm: 0.0215,
  rating: { rows: 7, difference: 0.857, interval: [-0.5, 1] },
}

test("a column is put into words", () => {
  assert.deepEqual(rowWords({ figures, against_baseline: verdict }), {
    preferred: "90% of 10 (60% to 98%)",
    rows: "9 · 1 · 0 · 2",
    rating: "+0.86\n−0.50 to 1.00; 7 rows",
    logprob: "−0.500",
    latency: "1.2 s\nfirst token 85 ms",
    tokens: "1,031 → 8",
    distinct: "1.5 of 4\n3 of 10 as the baseline",
  })
})

test("the baseline is compared with nothing", () => {
  const words = rowWords({ figures: { ...figures, samples: 1 }, against_baseline: null })
  assert.deepEqual([words.preferred, words.rows, words.rating, words.distinct], ["baseline", "", "", "–"])
})

test("what is not known is a dash", () => {
  const nothing = { ...Object.fromEntries(Object.keys(figures).map((name) => [name, null])), answers: 0 }
  const none = { rows: { better: 0, worse: 0, tie: 0, both_bad: 0 }, decided: 0, rating: { rows: 0 } }
  assert.deepEqual(new Set(Object.values(rowWords({ figures: nothing, against_baseline: none }))), new Set(["–"]))
})

test("few ratings have no interval", () => {
  const rating = { rows: 1, difference: -1, interval: null }
  assert.equal(rowWords({ figures, against_baseline: { ...verdict, rating } }).rating, "−1.00\ntoo few rows for an interval; 1 row")
})

test("the notes say what the numbers rest on", () => {
  const said = notes({ votes: 12, blind_votes: 8, outdated_votes: 1, compared: 2, agreement: { same: 7, pairs: 9 } })
  assert.match(said, /^12 votes, 8 of them blind\. Two people who judged the same answers agreed in 7 of 9 cases \(78%,/)
  assert.match(said, /1 vote on answers to an earlier prompt is left out\. .*since 2 columns are compared/)
  assert.equal(notes({ votes: 0, blind_votes: 0, outdated_votes: 0, compared: 0, agreement: { same: 0, pairs: 0 } }), "")
})

test("only a p-value below the limit is a decision", () => {
  assert.deepEqual([{ p_holm: 0.049 }, { p_holm: 0.05 }, { p_holm: null }].map(isDecided), [true, false, false])
})

test("durations", () => {
  assert.deepEqual([85.4, 1250, null].map(duration), ["85 ms", "1.3 s", "–"])
})
