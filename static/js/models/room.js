// This page's seat in the room of its experiment: sends what is written here, takes what others write, and knows what
// is kept. Knows sockets and documents, not the page.
//
// What is written here is in the document at once. It is sent a moment later, and again with every new connection,
// until the server says that it is kept; a page that goes away before that leaves it in the browser's memory.

import { fromBase64, toBase64 } from "../lib/base64.js";
import { isSame, mergeDrafts } from "./draft_merge.js";
import { RoomDocument } from "./room_document.js";
import { Visit } from "./visit.js";

const SEND_EVERY = 30 // ms: a letter goes at once, what is typed so soon after it goes together
const SHARE = 2 // a page that shows what others write is idle for this many times as long
const PATIENCE = 5000 // ms without a word from the server about an edit
const PART = 120_000 // characters of a frame; the server takes no larger ones than 256 KiB

export class Room extends Visit {
  /**
   * `draft` is what the page edits, `memory` { read(), keep(value) } outlives the page; it reads what all pages kept.
   * `caret()` is where somebody writes on this page, as { box, field, example, at }, or null. Sends "state" ({ state, words })
   * beside "people", and "merged" ({ before }) when a document that had begun anew took over what was written here.
   */
  constructor({ draft, socket, memory, mayEdit, caret = () => null, clock = globalThis }) {
    super({ socket })
    Object.assign(this, { draft, memory, mayEdit, caret, clock })
    this.id = null // of the document, once it is here
    this.base = structuredClone(draft.asJson()) // what page and server had in common at last
    this.number = 0 // of the last edit sent
    this.sentAt = 0
    this.kept = 0
    this.fault = ""
    Object.assign(this, { waiting: [], isHeld: false, turn: null, shownAt: 0, pause: 0 }) // for what others write
    this.#begin()
    for (const kind of ["change", "replace"]) draft.addEventListener(kind, (event) => event.detail?.isNews || this.#write())
  }

  // What the socket tells

  /** There is a connection: take the seat, saying what is here already. */
  opened() {
    const known = this.id ? { room: this.id, vector: toBase64(this.document.vector) } : {}
    this.socket.send({ op: "join", ...known })
  }

  closed() {
    super.closed()
    this.#tellState()
  }

  heard(frame) {
    const act = { joined: () => this.#joined(frame), edits: () => this.#take(frame.updates), saved: () => this.#saved(frame) }[frame.op]
    if (act) act()
    else super.heard(frame)
  }

  // What the page asks

  undo() {
    return this.mayEdit && this.document.undo()
  }

  redo() {
    return this.mayEdit && this.document.redo()
  }

  /** The right to edit came or went. What was not kept when it went stays in the browser alone. Sends "rights". */
  allow(mayEdit) {
    if (mayEdit === this.mayEdit) return
    if (!mayEdit) this.#forget()
    this.mayEdit = mayEdit
    this.dispatchEvent(new Event("rights"))
    this.#tellState()
  }

  /** Sends now, because the page may be going away. */
  flush() {
    this.#send()
    this.#remember()
  }

  /** Resolves when all of it is kept, or after `patience` ms. */
  async settled(patience = 3000) {
    this.flush()
    const until = Date.now() + patience
    while (!this.isSafe && Date.now() < until) await new Promise((done) => this.clock.setTimeout(done, 50))
  }

  /** What comes next is undone by itself. */
  endStep() {
    this.document.endStep()
  }

  /** While somebody composes a character, their box must not change under them: what others write waits. */
  hold() {
    this.isHeld = true
  }

  release() {
    this.isHeld = false
    this.#take([])
  }

  get isSafe() {
    return this.number === this.kept && !this.unsent.length && !this.early && !this.fault
  }

  // Joining

  #begin() {
    this.document = new RoomDocument()
    this.unsent = []
    this.document.addEventListener("edit", ({ detail }) => this.#edited(detail.update))
    this.document.addEventListener("news", () => this.#show())
  }

  /** The server has another document now; this page's own edits go over as a merge of drafts. */
  #beginAnew() {
    this.early = this.number !== this.kept || this.unsent.length > 0
    this.kept = this.number
    this.#begin()
  }

  /** Begins again with nothing, so that the page shows what the room holds. */
  #forget() {
    this.#remember()
    this.#begin()
    Object.assign(this, { id: null, early: false, kept: this.number, fault: "", waiting: [] })
    this.opened()
  }

  #joined({ room, part, update, vector, ...frame }) {
    if (this.id === null && part) return // of what this page held before it forgot; the whole is on its way
    const isOther = room !== this.id
    if (isOther) this.waiting = [] // they are of the document that was
    if (isOther && this.id) this.#beginAnew()
    Object.assign(this, { id: room, keptVector: fromBase64(vector) })
    if (isOther) this.#mergeInto(fromBase64(update))
    else this.document.receive(...this.waiting.splice(0).map(fromBase64), fromBase64(update))
    if (this.mayEdit) for (const kept of this.memory.read()) if (kept.room === room) this.document.recall(fromBase64(kept.update))
    // Whatever was not kept is sent again as one edit: the server may have heard all, some or nothing of it.
    const isOwed = this.unsent.length || this.number !== this.kept
    this.unsent = isOwed ? [this.document.missing(fromBase64(vector))] : []
    this.isHere = true
    this.#send()
    this.sit(frame)
    this.#tellState()
  }

  /** A document that this page has not had: what was written here goes into it, put together with what it holds. */
  #mergeInto(update) {
    const mine = structuredClone(this.draft.asJson())
    this.isReading = true // nothing of this is an edit before it is merged
    this.document.receive(update)
    this.isReading = false
    const theirs = this.document.read()
    const merged = this.mayEdit && this.early ? mergeDrafts(this.base, mine, theirs, this.draft.limits).build() : theirs
    this.early = false
    this.draft.receive(merged)
    if (merged === theirs) return
    this.document.put(merged)
    if (!isSame(filled(theirs), filled(this.base))) this.dispatchEvent(new CustomEvent("merged", { detail: { before: mine } }))
  }

  // Writing and reading

  /** The page changed the draft. */
  #write() {
    if (!this.mayEdit || this.isReading) return
    if (this.id === null) this.early = true // before the document is here
    else this.document.put(this.draft.asJson(), this.#caret())
    this.#tellState()
  }

  #caret() {
    const caret = this.caret()
    return caret && { text: this.document.nameOf(caret), at: caret.at }
  }

  #show() {
    if (this.isReading) return
    this.draft.receive(this.document.read())
  }

  /** What others write waits for its turn outside of the document: so what is written here meanwhile stands beside it. */
  #take(updates) {
    if (this.id === null) return // the whole document has them
    this.waiting.push(...updates)
    if (this.isHeld || this.turn || !this.waiting.length) return
    const wait = this.shownAt + this.pause - Date.now()
    if (wait > 0) this.turn = this.clock.setTimeout(() => this.#apply(), wait)
    else this.#apply()
  }

  #apply() {
    this.turn = null
    if (this.isHeld) return
    const updates = this.waiting.splice(0)
    const begun = Date.now()
    this.document.receive(...updates.map(fromBase64))
    this.shownAt = Date.now()
    this.pause = SHARE * (this.shownAt - begun)
  }

  #edited(update) {
    this.isKeptHere = false
    this.unsent.push(update)
    const wait = this.sentAt + SEND_EVERY - Date.now()
    if (wait <= 0) this.#send()
    else if (this.isHere) this.timer ??= this.clock.setTimeout(() => this.#send(), wait)
    this.#tellState()
  }

  #send() {
    this.clock.clearTimeout(this.timer)
    this.timer = null
    if (!this.isHere || !this.unsent.length) return
    const text = toBase64(this.document.together(this.unsent))
    Object.assign(this, { unsent: [], sentAt: Date.now() })
    this.number += 1
    for (let at = 0; at < text.length; at += PART) {
      this.socket.send({ op: "edit", room: this.id, n: this.number, update: text.slice(at, at + PART), more: at + PART < text.length })
    }
    this.#tellState()
  }

  #saved({ n, fault }) {
    this.kept = Math.max(this.kept, n)
    this.fault = fault
    if (!this.isSafe) return this.#tellState()
    Object.assign(this, { base: structuredClone(this.draft.asJson()), keptVector: this.document.vector })
    this.memory.keep(null)
    this.#tellState()
  }

  /** Leaves in the browser what the server has not said to be kept. */
  #remember() {
    if (this.id === null || (this.number === this.kept && !this.unsent.length)) return
    this.isKeptHere = this.memory.keep({ room: this.id, update: toBase64(this.document.missing(this.keptVector)) })
  }

  #tellState() {
    if (this.isSafe) this.owedSince = null
    else if (!this.owedSince) {
      this.owedSince = Date.now()
      this.clock.setTimeout(() => this.#tellState(), PATIENCE)
    }
    const waits = Date.now() - this.owedSince >= PATIENCE ? "waiting" : "saving"
    const state = this.fault ? "refused" : this.isSafe ? "saved" : this.isHere ? waits : "offline"
    this.dispatchEvent(new CustomEvent("state", { detail: { state, words: this.fault } }))
  }
}

/** A draft without texts that are empty: whether a box was ever written into is no difference. */
function filled({ spec, ...rest }) {
  const texts = (values) => Object.fromEntries(Object.entries(values).filter(([, text]) => text))
  const examples = spec.examples.map((example) => ({ ...example, values: texts(example.values) }))
  return { ...rest, spec: { ...spec, input: texts(spec.input), examples } }
}
