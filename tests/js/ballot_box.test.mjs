import assert from "node:assert/strict"
import { test } from "node:test"

import { BallotBox, ownTally, tallyWords } from "../../static/js/models/ballot_box.js"

const box = (...choices) => new BallotBox(choices.map((choice, at) => ({ key: "abcdef"[at], choice })))

test("pairs come in their order, those with a vote do not", () => {
  const votes = box("tie", null, null)
  assert.deepEqual([votes.current.key, votes.done, votes.total], ["b", 1, 3])
  votes.vote("first")
  assert.equal(votes.current.key, "c")
  votes.vote("second")
  assert.deepEqual([votes.current, votes.done], [null, 3])
})

test("what is skipped comes again at the end, round and round", () => {
  const votes = box(null, null, null)
  votes.skip()
  assert.deepEqual([votes.current.key, votes.isSecondRound], ["b", false])
  votes.skip()
  votes.vote("tie")
  assert.deepEqual([votes.current.key, votes.isSecondRound], ["a", true])
  votes.skip()
  assert.equal(votes.current.key, "b")
  votes.vote("tie")
  assert.deepEqual([...votes.skipped], ["a"])
})

test("the last vote is taken back, then the one before", () => {
  const votes = box("tie", null, null)
  assert.equal(votes.last, null)
  votes.vote("first")
  votes.vote("second")
  assert.equal(votes.last, "c")
  votes.undo()
  assert.deepEqual([votes.current.key, votes.last, votes.done], ["c", "b", 2])
  votes.undo()
  assert.deepEqual([votes.current.key, votes.last, votes.done], ["b", null, 1])
})

test("one's own votes are counted for each column", () => {
  const pairs = [
    { choice: "first", columns: ["x", "base"] },
    { choice: "first", columns: ["base", "x"] },
    { choice: "second", columns: ["base", "x"] },
    { choice: "tie", columns: ["y", "base"] },
    { choice: "both_bad", columns: ["base", "y"] },
  ]
  const [x, y] = ownTally(pairs, "base")
  assert.deepEqual(x, { column: "x", chosen: 2, passed: 1, tie: 0, both_bad: 0 })
  assert.equal(tallyWords(x, "B", "A"), "B 2 · A 1")
  assert.equal(tallyWords(y, "C", "A"), "C 0 · A 0 · tie 1 · both bad 1")
})
