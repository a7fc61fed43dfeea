import assert from "node:assert/strict"
import { test } from "node:test"

import * as Y from "../../static/vendor/yjs.js"
import { fromBase64, toBase64 } from "../../static/js/lib/base64.js"
import { Draft } from "../../static/js/models/draft.js"
import { Room } from "../../static/js/models/room.js"
import { RoomDocument, spliceOf } from "../../static/js/models/room_document.js"
import { Clock } from "./clock.mjs"

const PEOPLE = 20
const CASES = Number(process.env.FEWSHOT_ROOM_CASES ?? 6)
const STEPS = 120

const content = () => ({
  title: "Reviews", scope: "Label reviews.", inputs: [{ review: "Fine." }],
  spec: {
    schema: 1, instruction: "Say whether the review is good 👍 or bad.", fields: ["review"], output_name: "label", layout: "plain", model: "m",
    settings: { max_new_tokens: 16, mode: "greedy", stop: [], seed: null, temperature: 0.7 }, input: { review: "ten eleven twelve" },
    examples: ["a", "b", "c"].map((id) => ({ id, values: { review: `the review ${id}` }, output: "good", on: true })),
  },
})

/** Numbers below 1 that only depend on the seed (mulberry32). */
function drawsOf(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** What the server promises, in a few lines: it relays, saves every 400 ms, and forgets what it has not saved when it is killed. */
class Server {
  constructor(clock) {
    Object.assign(this, { clock, lines: new Set(), edits: 0 })
    this.beginAnew(content())
    const save = () => {
      this.save()
      clock.setTimeout(save, 400)
    }
    clock.setTimeout(save, 400)
  }

  beginAnew(held) {
    const document = new RoomDocument()
    document.put(held)
    Object.assign(this, { id: `room ${Math.random()}`, doc: document.doc, saved: document.missing(), document })
    for (const line of this.lines) this.#join(line, {})
  }

  save() {
    this.saved = Y.encodeStateAsUpdate(this.doc)
    for (const line of this.lines) if (line.written > line.told) line.tell({ op: "saved", n: (line.told = line.written), fault: "", draft_version: 1 })
  }

  kill() {
    this.document = new RoomDocument()
    this.document.receive(this.saved)
    this.doc = this.document.doc
    for (const line of [...this.lines]) line.cut()
  }

  take(line, frame) {
    if (frame.op === "join") this.#join(line, frame)
    if (frame.op === "edit") this.#edit(line, frame)
  }

  #join(line, { room, vector }) {
    const update = Y.encodeStateAsUpdate(this.doc, room === this.id ? fromBase64(vector) : undefined)
    Object.assign(line, { isSeated: true, written: 0, told: 0 })
    line.tell({ op: "joined", room: this.id, seat: line.name, part: room === this.id, update: toBase64(update), vector: toBase64(Y.encodeStateVector(this.doc)), members: [] })
  }

  #edit(line, { room, n, update, more }) {
    line.parts = (line.parts ?? "") + update
    if (more) return
    const whole = line.parts
    line.parts = ""
    if (room !== this.id) return
    this.edits += 1
    Y.applyUpdate(this.doc, fromBase64(whole))
    line.written = n
    for (const other of this.lines) if (other !== line && other.isSeated) other.tell({ op: "edits", updates: [whole] })
  }
}

/** One connection: frames arrive late, in order; a stalled line holds them all, a cut one loses what is on its way. */
class Line {
  constructor({ server, clock, draw, name }) {
    Object.assign(this, { server, clock, draw, name, room: null, isOpen: false, lag: 0 })
  }

  open() {
    if (this.isOpen) return
    Object.assign(this, { isOpen: true, life: {}, isSeated: false, written: 0, told: 0, parts: "", free: { in: 0, out: 0 } })
    this.server.lines.add(this)
    this.room.opened()
  }

  cut() {
    if (!this.isOpen) return
    Object.assign(this, { isOpen: false, life: null })
    this.server.lines.delete(this)
    this.room.closed()
  }

  send(frame) {
    if (!this.isOpen) return false
    this.#later("out", () => this.server.take(this, structuredClone(frame)))
    return true
  }

  tell(frame) {
    this.#later("in", () => this.room.heard(structuredClone(frame)))
  }

  /** One way keeps its order, and overtakes nothing. */
  #later(way, act) {
    const { life } = this
    this.free[way] = Math.max(this.free[way], this.clock.time + this.lag + this.draw() * 60)
    this.clock.setTimeout(() => this.life === life && act(), this.free[way] - this.clock.time)
  }
}

function person(server, clock, draw, name) {
  const line = new Line({ server, clock, draw, name })
  const draft = new Draft(content(), { examples: 1000, fields: 16, field_name_chars: 60 })
  const room = new Room({ draft, socket: line, memory: { read: () => [], keep: () => true }, mayEdit: true, clock })
  line.room = room
  return { line, draft, room }
}

const pick = (draw, list) => list[Math.floor(draw() * list.length)]
const WORDS = ["one ", "👍🏽", "zwei ", "\n", "x", "{{review}} ", "ünï "]

function typed(text, draw) {
  const at = Math.floor(draw() * (text.length + 1))
  const gone = draw() < 0.4 ? Math.floor(draw() * 6) : 0
  // Boxes hand out whole characters.
  return (text.slice(0, at) + (draw() < 0.8 ? pick(draw, WORDS) : "") + text.slice(at + gone)).toWellFormed().replaceAll("\ufffd", "")
}

const ACTS = [
  (draft, draw) => draft.change(({ spec }) => (spec.instruction = typed(spec.instruction, draw))),
  (draft, draw) => draft.change(({ spec }) => (spec.instruction = typed(spec.instruction, draw))),
  (draft, draw) => draft.change(() => (draft.scope = typed(draft.scope, draw))),
  (draft, draw) => draft.change(({ spec }) => (spec.input[pick(draw, spec.fields)] = typed(spec.input[spec.fields[0]] ?? "", draw))),
  (draft, draw) => {
    const example = pick(draw, draft.spec.examples)
    const name = pick(draw, draft.spec.fields)
    if (example) draft.change(() => (example.values[name] = typed(example.values[name] ?? "", draw)))
  },
  (draft, draw) => {
    const example = pick(draw, draft.spec.examples)
    if (example) draft.change(() => Object.assign(example, { output: typed(example.output, draw), on: draw() < 0.8 }))
  },
  (draft) => draft.addExample({ output: "new" }),
  (draft, draw) => draft.spec.examples.length && draft.moveExample(pick(draw, draft.spec.examples).id, Math.floor(draw() * draft.spec.examples.length)),
  (draft, draw) => draft.spec.examples.length > 2 && draft.change(({ spec }) => spec.examples.splice(Math.floor(draw() * spec.examples.length), 1)),
  (draft, draw) => draft.renameField(pick(draw, draft.spec.fields), `field ${Math.floor(draw() * 9)}`),
  (draft) => draft.spec.fields.length < 4 && draft.addField(),
  (draft, draw) => draft.change(({ spec }) => (spec.settings.temperature = draw())),
  (draft, draw) => draft.setShots(Math.floor(draw() * 4)),
  (draft, draw) => draft.change(() => draft.inputs.push({ [draft.spec.fields[0]]: String(draw()) })),
]

/** Without texts that are empty: whether a box was ever written into is no difference. */
function canon({ title, scope, spec, inputs }) {
  const held = (values, fields) => Object.fromEntries(fields.filter((name) => values[name]).map((name) => [name, values[name]]))
  const { examples, input, settings, ...rest } = spec
  const rows = examples.map(({ id, values, output, on }) => ({ id, values: held(values, spec.fields), output, on }))
  return { title, scope, inputs, ...rest, settings: Object.fromEntries(Object.entries(settings).sort()), input: held(input, spec.fields), rows }
}

function story(seed, { acts = ACTS, beginsAnew = true, undoes = true } = {}) {
  const draw = drawsOf(seed)
  const clock = new Clock()
  const server = new Server(clock)
  const people = Array.from({ length: PEOPLE }, (_, place) => person(server, clock, draw, `p${place}`))
  for (const { line } of people) line.open()
  clock.pass(200)
  let kills = 0
  for (let step = 0; step < STEPS; step += 1) {
    for (const { draft, room, line } of people) {
      if (draw() < 0.3) pick(draw, acts)(draft, draw)
      if (undoes && draw() < 0.02) pick(draw, [() => room.undo(), () => room.redo()])()
      if (draw() < 0.03) line.cut()
      else if (draw() < 0.2) line.open()
      line.lag = draw() < 0.05 ? 3000 : line.lag * 0.7
    }
    if (step % 50 === 30) kills += server.kill() ?? 1
    if (beginsAnew && draw() < 0.005) server.beginAnew(server.document.read())
    clock.pass(draw() * 150)
  }
  for (const { line } of people) {
    line.lag = 0
    line.open()
  }
  clock.pass(10_000)
  clock.pass(10_000)
  return { server, people, kills }
}

test("twenty people on flaky lines end with one draft", (report) => {
  let edits = 0
  let kills = 0
  let divergences = 0
  for (let seed = 1; seed <= CASES; seed += 1) {
    const told = story(seed)
    edits += told.server.edits
    kills += told.kills
    const fresh = new RoomDocument()
    fresh.receive(told.server.saved)
    const wanted = canon(fresh.read())
    for (const { draft, room } of told.people) {
      try {
        assert.deepEqual(canon(draft.asJson()), wanted)
        assert.ok(room.isSafe)
      } catch (error) {
        divergences += 1
        report.diagnostic(`seed ${seed}: ${error.message}`)
      }
    }
  }
  report.diagnostic(`rooms: ${CASES} cases of ${PEOPLE} people, ${edits} edits, ${kills} kills of the server, ${divergences} divergences`)
  assert.equal(divergences, 0)
})

test("no word of anybody is lost or comes twice, whoever is killed", () => {
  const words = [] // of one character each, none like another
  const insert = (text, draw) => {
    const at = Math.floor(draw() * (text.length + 1))
    words.push(String.fromCharCode(0x4e00 + words.length))
    return text.slice(0, at) + words.at(-1) + text.slice(at)
  }
  const acts = [
    (draft, draw) => draft.change(() => (draft.scope = insert(draft.scope, draw))),
    (draft, draw) => draft.change(({ spec: { examples } }) => (examples[0].output = insert(examples[0].output, draw))),
    (draft, draw) => draft.moveExample(pick(draw, draft.spec.examples).id, Math.floor(draw() * 3)),
    (draft, draw) => draft.renameField(draft.spec.fields[0], `field ${Math.floor(draw() * 9)}`),
  ]
  for (const seed of [101, 102]) {
    words.length = 0
    const { server, kills } = story(seed, { acts, beginsAnew: false, undoes: false })
    const { scope, spec } = server.document.read()
    const found = scope + spec.examples.map(({ output }) => output).join("")
    assert.ok(words.length > 300 && kills > 1)
    assert.deepEqual(words.filter((word) => found.split(word).length !== 2), [], `seed ${seed}`)
  }
})

test("what was written before the document came is put together with it", () => {
  const clock = new Clock()
  const server = new Server(clock)
  server.document.doc.transact(() => server.document.put({ ...content(), scope: "Label all reviews." }))
  const { line, draft, room } = person(server, clock, () => 0.5, "p")
  const merged = []
  room.addEventListener("merged", ({ detail }) => merged.push(detail.before.title))
  draft.change(() => (draft.title = "Reviews of a shop"))
  line.open()
  clock.pass(2000)
  assert.equal(draft.scope, "Label all reviews.")
  assert.equal(server.document.read().title, "Reviews of a shop")
  assert.deepEqual(merged, ["Reviews of a shop"])
})

test("nothing is said of a merge when nobody else has changed anything", () => {
  const clock = new Clock()
  const { line, draft, room } = person(new Server(clock), clock, () => 0.5, "p")
  room.addEventListener("merged", () => assert.fail("there is nothing to tell"))
  draft.change(() => (draft.title = "Reviews of a shop"))
  line.open()
  clock.pass(2000)
  assert.ok(room.isSafe)
})

test("what a page could not send goes out with the next page", () => {
  const clock = new Clock()
  const server = new Server(clock)
  const shelf = []
  const memory = { read: () => shelf, keep: (value) => (shelf.splice(0, 1, ...(value ? [value] : [])), true) }
  const first = person(server, clock, () => 0.5, "one")
  first.room.memory = memory
  first.line.open()
  clock.pass(1000)
  first.line.cut()
  first.draft.change(() => (first.draft.scope = "Written on a train."))
  first.room.flush()
  assert.equal(shelf.length, 1)

  const second = person(server, clock, () => 0.5, "two")
  second.room.memory = memory
  second.line.open()
  clock.pass(2000)
  assert.equal(server.document.read().scope, "Written on a train.")
  assert.deepEqual(shelf, [])
})

test("viewers hear everything and write nothing", () => {
  const clock = new Clock()
  const server = new Server(clock)
  const [writer, viewer] = ["one", "two"].map((name) => person(server, clock, () => 0.5, name))
  viewer.room.mayEdit = false
  for (const { line } of [writer, viewer]) line.open()
  clock.pass(500)
  viewer.draft.change(() => (viewer.draft.scope = "mine"))
  writer.draft.change(() => (writer.draft.title = "theirs"))
  clock.pass(1000)
  assert.equal(server.document.read().scope, "Label reviews.")
  assert.equal(viewer.draft.title, "theirs")
})

test("the rest of a text stays where it was, and no character is cut in two", () => {
  const cases = [["abc", "abXc"], ["", "x"], ["👍", "👍🏽"], ["a👍b", "a👎b"], ["aaa", "aa"], ["abcabc", "abc"], ["same", "same"]]
  for (const [before, after] of cases) {
    const splice = spliceOf(before, after)
    if (before === after) {
      assert.equal(splice, null)
      continue
    }
    assert.equal(before.slice(0, splice.at) + splice.added + before.slice(splice.at + splice.removed), after)
    assert.ok(splice.added.isWellFormed() && before.slice(0, splice.at).isWellFormed())
  }
})

test("a letter among its like stands where the caret is", () => {
  assert.deepEqual(spliceOf("aaa", "aaaa", 1), { at: 0, removed: 0, added: "a" })
  assert.deepEqual(spliceOf("aaa", "aaaa", 3), { at: 2, removed: 0, added: "a" })
  assert.deepEqual(spliceOf("aaa", "aa", 1), { at: 1, removed: 1, added: "" })
  assert.deepEqual(spliceOf("ab", "xb", 2), { at: 0, removed: 1, added: "x" }, "an edit elsewhere, whatever the caret says")
})

test("undo takes back one's own step only, also that of a row", () => {
  const clock = new Clock()
  const server = new Server(clock)
  const [one, two] = ["one", "two"].map((name) => person(server, clock, () => 0.1, name))
  for (const { line } of [one, two]) line.open()
  clock.pass(500)
  one.draft.change(({ spec }) => spec.examples.splice(1, 1))
  clock.pass(1000)
  two.draft.change(({ spec }) => (spec.examples[0].output = "bad"))
  clock.pass(1000)
  assert.ok(one.room.undo())
  clock.pass(1000)
  for (const { draft } of [one, two]) {
    assert.deepEqual(draft.spec.examples.map(({ id, output }) => `${id} ${output}`), ["a bad", "b good", "c good"])
  }
  assert.ok(one.room.redo())
  assert.equal(one.room.undo(), true)
  assert.equal(two.draft.spec.examples[0].output, "bad")
})

test("what somebody wrote offline, who may not edit any more, is not shown any more", () => {
  const clock = new Clock()
  const server = new Server(clock)
  const [ada, bo] = ["ada", "bo"].map((name) => person(server, clock, () => 0.5, name))
  for (const { line } of [ada, bo]) line.open()
  clock.pass(500)
  bo.line.cut()
  bo.draft.change(() => (bo.draft.scope = "bo alone"))
  ada.draft.change(() => (ada.draft.title = "Ada's title"))
  clock.pass(500)
  bo.line.open() // joins with what it has, and then hears of its right
  bo.room.allow(false)
  ada.draft.change(({ spec }) => (spec.instruction = "Meanwhile."))
  clock.pass(1000)
  const theirs = canon(ada.draft.asJson())
  assert.deepEqual(canon(bo.draft.asJson()), theirs)
  assert.equal(theirs.title, "Ada's title")
  assert.notEqual(theirs.scope, "bo alone")
  bo.room.allow(true)
  bo.draft.change(() => (bo.draft.scope = "both"))
  clock.pass(1000)
  assert.equal(ada.draft.scope, "both")
})
