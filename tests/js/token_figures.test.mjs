import assert from "node:assert/strict"
import { test } from "node:test"

import { beside } from "../../static/js/lib/beside.js"
import {
  alternativesOf,
  barsOf,
  bitsOf,
  isOurs,
  lacksFigures,
  pathOf,
  sentenceOf,
  showProbability,
  spoken,
  stepOf,
  summaryOf,
  summaryWords,
  surpriseWords,
  visible,
} from "../../static/js/models/token_figures.js"

const half = Math.log(0.5)
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`)

test("bits, steps and numbers", () => {
  near(bitsOf(half), 1)
  assert.equal(bitsOf(0), 0)
  assert.deepEqual([0, 0.049, 0.05, 0.2, 0.5, 0.9, 1].map(stepOf), [0, 0, 1, 2, 3, 4, 4])
  assert.deepEqual([1, 0.46215, 0.0005, 0.00042, 0].map(showProbability), ["1.000", "0.462", "0.001", "4.2e-4", "0.000"])
})

test("figures of an answer leave out what is not known", () => {
  assert.equal(summaryOf([{ t: "text only" }]), null)
  const { count, total, perplexity, mean } = summaryOf([{ lp: half }, { t: "?" }, { lp: 0 }, { lp: half }])
  assert.equal(count, 3)
  near(total, 2 * half)
  near(perplexity, 4 ** (1 / 3))
  near(mean, 2 / 3)
  assert.equal(summaryWords(summaryOf([{ lp: half }])), "log p −0.69 · perplexity 2.00 · mean p 0.500")
})

test("the token itself is among its alternatives, wherever it ranks", () => {
  const top = [[7, " a", half], [8, " b", Math.log(0.25)]]
  const kept = alternativesOf({ id: 8, t: " b", lp: Math.log(0.25), rank: 2, top })
  assert.deepEqual(kept.rows.map(({ id, rank, taken }) => [id, rank, taken]), [[7, 1, false], [8, 2, true]])
  near(kept.rest, 0.25)
  const far = alternativesOf({ id: 9, t: " c", lp: Math.log(0.125), rank: 40, top })
  assert.deepEqual(far.rows.map(({ id, rank, taken }) => [id, rank, taken]), [[7, 1, false], [8, 2, false], [9, 40, true]])
  near(far.rest, 0.125)
  assert.deepEqual(alternativesOf({ id: 1, t: "a" }), { rows: [], rest: 1 })
})

test("white space can be seen and heard", () => {
  assert.equal(visible(" a\n\t"), "·a⏎⇥")
  assert.equal(visible(""), "part of a character")
  assert.equal(visible("\u0301"), "◌\u0301")
  assert.equal(spoken(" good"), "good")
  assert.equal(spoken("\n\n"), "line break, line break")
  assert.equal(sentenceOf({ t: " a", lp: half, rank: 1 }, 2), "a, token 3, probability 0.500, rank 1")
  assert.equal(sentenceOf({ t: "\n", given: true }, 0), "line break, token 1, given")
})

test("a bar for every token, or for the most surprising of those that share a column", () => {
  const tokens = [0, -1, -2, -3].map((lp) => ({ t: "a", lp }))
  const one = barsOf(tokens, 8, 24)
  assert.deepEqual(one.map(({ at, x, width }) => [at, x, width]), [[0, 0, 2], [1, 2, 2], [2, 4, 2], [3, 6, 2]])
  assert.equal(one[3].height, 24)
  assert.deepEqual(barsOf(tokens, 2, 24).map(({ at }) => at), [1, 3])
  const many = Array.from({ length: 1001 }, (_, n) => ({ t: "a", lp: -(n % 7) }))
  const bars = barsOf(many, 160, 24)
  assert.deepEqual([bars.length, bars[0].from, bars.at(-1).to], [160, 0, 1001])
  assert.match(pathOf(one, 24), /^(M[\d.]+ 24V[\d.]+h[\d.]+V24Z){4}$/)
  assert.deepEqual(barsOf([], 160, 24), [])
})

test("sure answers have low bars", () => {
  assert.ok(barsOf([{ lp: half }], 8, 24)[0].height < 7)
})

test("the bars are told in a sentence", () => {
  assert.equal(surpriseWords([{ t: "a", lp: 0 }, { t: " b", lp: half }]), "Surprisal of 2 tokens, most at token 2 (b): 1.0 bits")
})

test("a panel never covers its token and stays in the window", () => {
  const view = { width: 390, height: 700 }
  const size = { width: 288, height: 250 }
  for (const top of [0, 100, 300, 450, 680]) {
    for (const left of [-20, 0, 200, 380]) {
      const target = { left, top, bottom: top + 20 }
      const place = beside(target, size, view)
      const height = Math.min(size.height, place.room)
      assert.ok(place.top >= target.bottom || place.top + height <= target.top)
      assert.ok(place.top >= 0 && place.top + height <= view.height)
      assert.ok(place.left >= 0 && place.left + size.width <= view.width)
    }
  }
  assert.equal(beside({ left: 10, top: 100, bottom: 120 }, size, view).top, 126)
  assert.equal(beside({ left: 10, top: 600, bottom: 620 }, size, view).top, 344)
})

test("tokens of a remote model have no ids, and figures if its server gives them", () => {
  const token = { t: " a", lp: half, top: [[null, " a", half], [null, " b", Math.log(0.25)]] }
  assert.deepEqual(alternativesOf(token).rows.map(({ text, taken }) => [text, taken]), [[" a", true], [" b", false]])
  assert.equal(sentenceOf(token, 0), "a, token 1, probability 0.500")
  assert.deepEqual([isOurs(token), isOurs({ id: 0 }), isOurs({ id: null })], [false, true, false])
  assert.deepEqual([[{ t: "a", lp: null }], [{ t: "a" }], [{ t: "a", lp: null }, token], []].map(lacksFigures), [true, false, false, false])
})
