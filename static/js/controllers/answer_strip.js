// The answers on the page as cards side by side, the line beside Run, and the spoken version.

import { byId, putChildren, say, setText } from "../lib/dom.js";
import { AnswerSet, shownRun } from "../models/answer_set.js";
import { Announcer } from "../models/announcer.js";
import { groupWords } from "../models/run_words.js";
import { AnswerCard } from "./answer_card.js";

const CONNECTION = {
  waiting: "Connection lost; the answers go on and will be caught up.",
  "signed-out": "You are signed out; the runs go on.",
  "no-access": "You have no access to this experiment any more.",
}

const READER_ACTS = ["wheel", "touchmove", "pointerdown", "keydown"]
const TICK = 250 // ms between looks at what changes with time

export class AnswerStrip extends EventTarget {
  /**
   * Sends "again" ({ card, spec }) when an answer shall be made once more, "restore" ({ run }) when its prompt is wanted
   * in the editor, "shown" ({ runs }) when other runs are on the page, and "left" ({ person }) when somebody's card was
   * closed. `memory` brings the cards back after a reload.
   */
  constructor({ runs, memory, mayRun }) {
    super()
    Object.assign(this, { runs, memory, mayRun, set: new AnswerSet(), cards: new Map(), leading: null, connection: "connecting" })
    this.announcer = new Announcer((text) => (byId("announcer").textContent = text))
    runs.addEventListener("change", ({ detail }) => this.#change(detail))
    runs.addEventListener("mine", () => this.#showNote())
    for (const act of READER_ACTS) document.addEventListener(act, () => (this.leading = null), { passive: true })
    setInterval(() => this.#tick(), TICK)
  }

  /** Shows the runs of one press, [{ key, run }], and follows them with the eye. */
  async begin(started) {
    const before = this.set.runs
    this.set.begin(started)
    await this.#draw(before)
    this.#reveal()
  }

  /** Shows a new answer on a card. */
  async add(card, run) {
    this.set.add(card, run)
    await this.#draw()
  }

  /** Shows any run on a card. Throws RequestError when it cannot be read. */
  async open(run) {
    await this.runs.open(run)
    const before = this.set.runs
    const card = this.set.open(run)
    await this.#draw(before)
    this.cards.get(card).root.scrollIntoView({ block: "nearest" })
    this.cards.get(card).box.focus({ preventScroll: true })
  }

  /** Takes a run off its card, since it was deleted. */
  async drop(run) {
    const before = this.set.runs
    this.set.drop(run)
    await this.#draw(before)
  }

  /**
   * Takes a run of somebody else and returns its card, or null when there is no room for one more person. `follow()` is
   * called when the card turns to it.
   */
  async meet(person, run, follow) {
    const before = this.set.runs
    const card = this.set.meet(person, run, (one) => this.runs.buffers.get(one)?.isLive ?? false)
    if (card && shownRun(card) === run) follow()
    await this.#draw(before)
    return card
  }

  /** Goes to a card and keeps it in sight while it grows, until the reader does anything. */
  lead(card) {
    this.leading = this.cards.get(card) ?? null
    this.leading?.root.scrollIntoView({ block: "nearest" })
  }

  /** Whether a card is where its reader sees it. */
  isInSight(card) {
    const { top } = this.cards.get(card)?.root.getBoundingClientRect() ?? { top: Infinity }
    return top >= 0 && top < innerHeight * 0.8
  }

  /** What one may do on this page has changed. */
  showRights({ may_run: mayRun }) {
    this.mayRun = mayRun
    this.#draw()
  }

  /** Brings back what this tab showed last, or else `lastRun`. */
  async restore(lastRun) {
    const kept = this.memory.read() ?? (lastRun ? [{ key: "run", runs: [lastRun], at: 0 }] : [])
    this.set = new AnswerSet(kept)
    await this.#draw()
  }

  /** Makes answers once more: of the card that has the focus, or of all. */
  again() {
    const cards = this.set.cards.filter((card) => this.cards.has(card) && !card.person)
    const held = cards.find((card) => this.cards.get(card).root.contains(document.activeElement))
    for (const card of held ? [held] : cards) this.#again(card)
  }

  complain(message) {
    say(byId("run-fault"), message)
    if (message) byId("run-fault").scrollIntoView({ block: "nearest" })
  }

  showConnection(state) {
    this.connection = state
    this.#showNote()
    const isWhole = this.set.cards.every((card) => this.cards.has(card))
    if (state === "open" && !isWhole) this.#draw() // a run could not be read while the line was cut
  }

  #again(card) {
    const { buffer } = this.cards.get(card)
    if (buffer.isLive) return
    this.#send("again", { card, spec: buffer.about.spec })
  }

  /** Makes the page show the set: cards come, go and turn. */
  async #draw(before = this.set.runs) {
    const buffers = await this.#open()
    for (const run of before.filter((one) => !this.set.runs.includes(one))) this.runs.close(run)
    for (const [card, shown] of this.cards) {
      if (this.set.cards.includes(card)) continue
      shown.remove()
      this.cards.delete(card)
    }
    for (const card of this.set.cards) this.#show(card, buffers.get(shownRun(card)))
    this.#arrange()
    byId("answers-empty").hidden = this.set.cards.length > 0
    this.memory.keep(this.set.cards)
    this.#showNote()
    this.#send("shown", { runs: this.set.cards.map(shownRun) })
  }

  /** Puts the cards in order: those of others below one's own, so that none of them moves an answer that is being read. */
  #arrange() {
    const roots = (cards) => cards.flatMap((card) => this.cards.get(card)?.root ?? [])
    putChildren(byId("own-answers"), roots(this.set.cards.filter(({ person }) => !person)))
    putChildren(byId("others-answers"), roots(this.set.cards.filter(({ person }) => person)))
    byId("others").hidden = byId("others-answers").children.length === 0
  }

  /** The buffers of the runs that are shown; a run that cannot be read leaves the set. */
  async #open() {
    const buffers = new Map()
    const read = async (run, person) => {
      try {
        buffers.set(run, await this.runs.open(run, Boolean(person)))
      } catch (error) {
        if (error.status === 404) this.set.drop(run)
        else this.complain(error.message)
      }
    }
    await Promise.all(this.set.cards.map((card) => read(shownRun(card), card.person)))
    return buffers
  }

  #show(card, buffer) {
    if (!buffer) return
    if (!this.cards.has(card)) this.cards.set(card, this.#make(card))
    const mayStop = this.mayRun || this.runs.mine.has(buffer.run)
    this.cards.get(card).show(buffer, { page: card.at + 1, pages: card.runs.length, mayStop, who: this.#whoOf(card, buffer), isOthers: Boolean(card.person) })
  }

  /** Whose answer it is, or "" for what was asked on this page. */
  #whoOf({ person }, { about }) {
    if (about.user === this.runs.user) return person ? "you, elsewhere" : ""
    return about.userName ?? person?.name ?? ""
  }

  #make(card) {
    return new AnswerCard({
      stop: () => this.runs.stop(shownRun(card)),
      again: () => this.#again(card),
      restore: () => this.#send("restore", { run: shownRun(card) }),
      close: () => this.#close(card),
      step: (by) => this.#step(card, by),
      drawn: () => this.#lead(),
    })
  }

  #step(card, by) {
    this.set.step(card, by)
    this.#draw()
  }

  #close(card) {
    const before = this.set.runs
    const next = this.set.cards[this.set.cards.indexOf(card) + 1]
    this.set.close(card)
    if (card.person) this.#send("left", { person: card.person })
    this.#draw(before)
    if (next) this.cards.get(next).box.focus()
    else byId("run").focus()
  }

  #change({ buffer, change }) {
    const card = [...this.cards.values()].find((one) => one.buffer === buffer)
    if (card) {
      card.apply(change)
      this.#announce(card, change)
    }
    if (change.kind !== "append") this.#showNote()
  }

  /**
   * One answer is read out as it comes; of several, only that each is complete: nobody can hear eight at once. Those of
   * others are heard by who has no own ones.
   */
  #announce(card, change) {
    const own = this.#own()
    const heard = own.length ? own : [...this.cards.values()]
    if (!heard.includes(card)) return
    const alone = heard.length === 1
    if (change.kind === "clear") this.announcer.restart()
    if (change.kind === "append" && alone) this.announcer.hear(change.tokens.map((token) => token.t).join(""))
    if (change.kind !== "end") return
    const ending = card.buffer.error?.message ?? "Answer complete."
    this.announcer.finish(alone ? ending : `${card.title}: ${ending}`)
  }

  /** Scrolls to the answers; a single one is kept in sight while it grows, until the reader does anything. */
  #reveal() {
    const own = this.#own()
    own[0]?.root.scrollIntoView({ block: "nearest" })
    this.leading = own.length === 1 ? own[0] : null
  }

  #own() {
    return this.set.cards.flatMap((card) => (card.person ? [] : (this.cards.get(card) ?? [])))
  }

  #lead() {
    if (this.leading?.buffer.isLive) this.leading.root.scrollIntoView({ block: "nearest" })
  }

  #tick() {
    const now = performance.now()
    for (const card of this.cards.values()) if (card.buffer.isLive) card.tick(now)
    this.#showNote()
  }

  #showNote() {
    byId("sign-in").hidden = this.connection !== "signed-out"
    const buffers = [...this.runs.mine].map((run) => this.runs.buffers.get(run))
    const words = CONNECTION[this.connection] ?? groupWords(buffers.filter(Boolean), performance.now())
    setText(byId("run-note"), words)
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}
