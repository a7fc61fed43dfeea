import assert from "node:assert/strict"
import { test } from "node:test"

import { clockWords, Playback, placeWords, timesOf } from "../../static/js/models/playback.js"

const TIMED = [{ t: "a", ms: 0 }, { t: "b", ms: 100 }, { t: "c", ms: 400 }]

test("tokens that know their time keep it", () => {
  assert.deepEqual(timesOf(TIMED, 9000), { times: [0, 100, 400], isTrue: true })
})

test("a clock that went back does not take playback back", () => {
  assert.deepEqual(timesOf([{ ms: 0 }, { ms: 50 }, { ms: 40 }]).times, [0, 50, 50])
})

test("without times the tokens are spread evenly over the span", () => {
  assert.deepEqual(timesOf([{}, {}, {}], 300), { times: [0, 150, 300], isTrue: false })
  assert.deepEqual(timesOf([{}, { ms: 7 }, {}], 300).isTrue, false)
  assert.deepEqual(timesOf([{}, {}, {}], null).times, [0, 40, 80])
})

test("given tokens are there from the beginning", () => {
  const tokens = [{ given: true }, { given: true }, { ms: 0 }, { ms: 80 }]
  assert.deepEqual(timesOf(tokens, null), { times: [0, 0, 0, 80], isTrue: true })
})

test("it begins at the end, and plays from the beginning", () => {
  const playback = new Playback([0, 100, 400])
  assert.equal(playback.shown, 3)
  playback.play(1000)
  playback.advance(1000)
  assert.equal(playback.shown, 1)
  playback.advance(1150)
  assert.deepEqual([playback.shown, playback.time], [2, 150])
  playback.advance(2000)
  assert.deepEqual([playback.shown, playback.time, playback.isPlaying], [3, 400, false])
})

test("the speed acts from the moment it is chosen", () => {
  const playback = new Playback([0, 100, 400])
  playback.play(0)
  playback.advance(100)
  playback.speed = 4
  playback.advance(150)
  assert.equal(playback.time, 300)
})

test("a pause keeps the place", () => {
  const playback = new Playback([0, 100, 400])
  playback.play(0)
  playback.advance(250)
  playback.pause()
  playback.advance(9000)
  assert.equal(playback.time, 250)
  playback.play(10_000)
  playback.advance(10_150)
  assert.equal(playback.shown, 3)
})

test("seeking stays within the answer", () => {
  const playback = new Playback([0, 100, 400])
  for (const [wanted, shown] of [[-5, 0], [2, 2], [Infinity, 3], [-Infinity, 0]]) {
    playback.seek(wanted)
    assert.equal(playback.shown, shown)
  }
  assert.equal(new Playback([]).duration, 0)
})

test("where it stands is said in words", () => {
  const playback = new Playback([0, 100, 1400])
  playback.seek(2)
  assert.equal(clockWords(playback), "0.1 s of 1.4 s")
  assert.equal(placeWords(playback), "token 2 of 3, 0.1 s")
})
