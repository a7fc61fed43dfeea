import assert from "node:assert/strict"
import { test } from "node:test"

import { CARET, caretRanges, WORDS } from "../../static/js/models/caret_ranges.js"
import { Following, stepsOf } from "../../static/js/models/following.js"
import { colourOf, doingWords, initialsOf, peopleOf } from "../../static/js/models/people.js"
import { PresenceTalk } from "../../static/js/models/presence_talk.js"
import { Visit } from "../../static/js/models/visit.js"
import { Whereabouts } from "../../static/js/models/whereabouts.js"
import { Clock } from "./clock.mjs"

const ada = { id: 1, name: "Ada" }
const bo = { id: 2, name: "Bo" }
const page = (seat, user, more = {}) => ({ seat, user, may_edit: true, away: false, presents: false, ...more })

test("a face has two letters", () => {
  assert.deepEqual(["Ada", "Cy Twombly", "bo.b@example.org", "É", "日本 太郎", ""].map(initialsOf), ["AD", "CT", "BO", "É", "日太", "?"])
})

test("a person keeps their colour", () => {
  assert.equal(colourOf({ id: 1 }), colourOf({ id: 9 }))
  assert.equal(new Set([1, 2, 3, 4, 5, 6, 7, 8].map((id) => colourOf({ id }))).size, 8)
})

test("several pages of a person are one, and the one that is not away speaks", () => {
  const tabs = [page("b1", bo, { away: true, since: 10 }), page("b2", bo, { at: { text: "scope" } })]
  const [me, other] = peopleOf(tabs, page("a", ada))
  assert.equal(me.isMe, true)
  assert.deepEqual([other.pages, other.away, other.text, other.seats], [2, false, "scope", ["b1", "b2"]])
  const [, gone] = peopleOf([page("b1", bo, { away: true, since: 10 }), page("b2", bo, { away: true, since: 30 })], page("a", ada))
  assert.deepEqual([gone.away, gone.since], [true, 30])
})

test("what a person does is said in words", () => {
  const [, one] = peopleOf([page("b", bo, { may_edit: false, at: { text: "scope" } })], page("a", ada))
  assert.equal(doingWords(one, "the scope"), "viewing · in the scope")
  const [, two] = peopleOf([page("b", bo, { away: true, since: 0 }), page("c", bo, { away: true })], page("a", ada))
  assert.equal(doingWords(two, ""), "away · 2 tabs")
  const [, three] = peopleOf([page("b", bo, { view: { panel: "versions" } })], page("a", ada))
  assert.equal(doingWords(three, ""), "at the versions")
})

function whereabouts() {
  const clock = new Clock()
  const shown = []
  return { clock, shown, here: new Whereabouts({ show: (cursor) => shown.push(cursor), clock }) }
}

test("whereabouts go out on change alone, and at most every 50 ms", () => {
  const { clock, shown, here } = whereabouts()
  clock.pass(100)
  shown.length = 0
  for (const text of ["a", "b", "c"]) here.set({ at: { text } })
  assert.deepEqual(shown.map(({ at }) => at.text), ["a"])
  clock.pass(50)
  assert.deepEqual(shown.map(({ at }) => at.text), ["a", "c"])
  clock.pass(1000)
  here.set({ at: { text: "c" } })
  clock.pass(1000)
  assert.equal(shown.length, 2)
})

test("whoever does nothing for two minutes is away, and back at once", () => {
  const { clock, shown, here } = whereabouts()
  clock.pass(119_000)
  here.acted()
  clock.pass(119_000)
  assert.equal(shown.at(-1).away, false)
  clock.pass(1000)
  assert.equal(shown.at(-1).away, true)
  clock.pass(50)
  here.acted()
  assert.equal(shown.at(-1).away, false)
})

test("a hidden tab is away at once", () => {
  const { clock, shown, here } = whereabouts()
  clock.pass(100)
  here.setHidden(true)
  assert.equal(shown.at(-1).away, true)
  clock.pass(100)
  here.setHidden(false)
  assert.equal(shown.at(-1).away, false)
})

test("a visit knows who is here until the line is cut, and says anew where it is", () => {
  const sent = []
  const visit = new Visit({ socket: { send: (frame) => sent.push(frame) } })
  const seen = []
  visit.addEventListener("people", ({ detail }) => seen.push(detail.members.map(({ seat }) => seat).join()))
  visit.show({ away: false })
  visit.opened()
  visit.heard({ op: "joined", seat: "a", members: [page("b", bo)] })
  visit.heard({ op: "presence", members: [page("c", bo)], gone: ["b"] })
  visit.closed()
  assert.deepEqual(seen, ["b", "c", ""])
  assert.deepEqual(sent, [{ op: "join" }, { op: "cursor", away: false }])
})

function talk() {
  const clock = new Clock()
  const said = []
  return { clock, said, talk: new PresenceTalk({ speak: (text) => said.push(text), clock, now: clock.now }) }
}

test("comings and goings are said once they last", () => {
  const { clock, said, talk: hears } = talk()
  const here = { id: 2, name: "Bo", place: "" }
  hears.hear([])
  clock.pass(2000)
  hears.hear([here])
  clock.pass(2000)
  assert.deepEqual(said, ["Bo joined."])
  hears.hear([]) // a reload
  clock.pass(500)
  hears.hear([here])
  clock.pass(5000)
  assert.deepEqual(said, ["Bo joined."])
  hears.hear([])
  clock.pass(2000)
  assert.deepEqual(said, ["Bo joined.", "Bo left."])
})

test("whom one finds is no news, and a cut line is none either", () => {
  const { clock, said, talk: hears } = talk()
  const here = { id: 2, name: "Bo", place: "the scope" }
  for (const others of [[here], null, [here]]) {
    hears.hear(others)
    clock.pass(30_000)
  }
  assert.deepEqual(said, [])
})

test("somebody who goes through ten boxes is said to be in the last", () => {
  const { clock, said, talk: hears } = talk()
  hears.hear([{ id: 2, name: "Bo", place: "" }])
  clock.pass(2000)
  for (let number = 1; number <= 10; number += 1) {
    hears.hear([{ id: 2, name: "Bo", place: `example ${number}` }])
    clock.pass(1000)
  }
  clock.pass(60_000)
  assert.equal(said.length, 2)
  assert.equal(said.at(-1), "Bo is in example 10.")
})

test("the steps behind a presenter are what is another now", () => {
  const before = { panel: "", run: "r", token: null, top: "#history", text: "" }
  assert.deepEqual(stepsOf(before, before), {})
  assert.deepEqual(stepsOf(before, { ...before, token: 4 }), { token: 4, run: "r" })
  assert.deepEqual(stepsOf(before, { ...before, panel: "versions" }), { panel: "versions" })
  assert.deepEqual(stepsOf({}, { ...before, run: null }), { top: "#history" })
})

function following() {
  const following = new Following()
  const steps = []
  following.addEventListener("go", ({ detail }) => steps.push(detail.steps))
  return { following, steps }
}

test("following goes where the presenter goes, until one's own hand or their end", () => {
  const { following: mine, steps } = following()
  mine.meet([page("a", ada, { presents: true, view: { run: "r" } })], "b")
  assert.deepEqual(mine.note, { words: "Ada presents.", act: "follow", label: "Follow", seat: "a" })
  mine.follow("a")
  mine.meet([page("a", ada, { presents: true, view: { run: "r", token: 3 } })], "b")
  assert.deepEqual(steps, [{ run: "r" }, { token: 3, run: "r" }])
  mine.stop((name) => `No longer behind ${name}.`)
  assert.equal(mine.note.words, "No longer behind Ada.")
  mine.refuse()
  assert.equal(mine.note, null)
  mine.follow("a")
  mine.meet([page("a", ada)], "b")
  assert.deepEqual([mine.leader, mine.note], [null, null])
})

test("a presenter sees who follows", () => {
  const { following: mine } = following()
  mine.present(true)
  mine.meet([], "a")
  assert.equal(mine.note.words, "You present. Nobody follows yet.")
  mine.meet([page("b", bo, { follows: "a" }), page("c", { id: 3, name: "Cy" }, { follows: "a" }), page("d", { id: 4, name: "Di" }, { follows: "x" })], "a")
  assert.equal(mine.note.words, "You present. Bo and Cy follow.")
})

test("cursors and selections of several people are cut into ranges in order", () => {
  const marks = [{ colour: 1, anchor: 8, head: 2 }, { colour: 2, anchor: 5, head: 5 }, { colour: 3, anchor: 20, head: 30 }, { colour: 4, anchor: null, head: null }]
  assert.deepEqual(caretRanges(marks, 25), [
    { start: 2, end: 2, name: CARET, colour: 1 },
    { start: 2, end: 5, name: WORDS, colour: 1 },
    { start: 5, end: 5, name: CARET, colour: 2 },
    { start: 5, end: 8, name: WORDS, colour: 1 },
    { start: 20, end: 25, name: WORDS, colour: 3 },
    { start: 25, end: 25, name: CARET, colour: 3 },
  ])
  assert.deepEqual(caretRanges([], 3), [])
})
