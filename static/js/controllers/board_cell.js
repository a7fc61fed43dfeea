// One cell of the board: the answer, its figures, and what people think of it.

import { fromTemplate, say, setText } from "../lib/dom.js";
import { faultWords, figuresLines, stateWords } from "../models/cell_words.js";
import { distinctWords, isAnswer, isLive, isStale, pagesOf } from "../models/cells.js";
import { stoppedWords } from "../models/run_words.js";
import "../elements/answer_text.js";

const MARKS = { deleted: "del", inserted: "ins", same: "span" }

export class BoardCell {
  constructor(column, row) {
    Object.assign(this, { column, row, parts: {}, at: 0, entry: null, drawn: "", stale: false, distinct: "" })
    this.root = fromTemplate("board-cell-template")
    Object.assign(this.root.dataset, { column, row })
    this.text = this.root.querySelector("answer-text")
    this.box = this.#part("text")
  }

  /**
   * Shows { entries, asked, base, isBaseline, diff, vote, rating, said, name, refusal }: the runs of the cell, what it would
   * ask now, the answer of the baseline, and the pieces of the difference from it (a function, or null).
   */
  show(state) {
    const pages = pagesOf(state.entries)
    this.at = Math.max(0, Math.min(this.at, pages.length - 1))
    this.entry = pages[this.at]?.entry ?? null
    this.#showPages(pages, state.entries)
    this.#drawText()
    this.#showDiff(state)
    this.refusal = state.refusal
    this.stale = this.entry !== null && isStale(this.entry, state.asked)
    this.root.dataset.status = this.entry?.status ?? "empty"
    this.root.toggleAttribute("data-stale", this.stale)
    this.box.setAttribute("aria-label", state.name)
    const fault = state.refusal || (this.entry ? faultWords(this.entry) : "")
    say(this.#part("fault"), fault)
    this.#showJudge(state)
    this.#showActs(state.entries)
    this.tick(performance.now())
  }

  /** Draws one change of the run that is shown. */
  apply({ kind, tokens }) {
    const { buffer } = this.entry
    this.text.streaming = buffer.status === "running"
    if (kind === "append") this.text.append(this.text.tokens.length ? tokens : aligned(tokens))
    if (["clear", "replace", "lost"].includes(kind)) this.text.replace(aligned(buffer.tokens))
  }

  /** Brings what changes with time up to date. */
  tick(now) {
    this.#write("state", [this.refusal ? "cannot run" : stateWords(this.entry, this.stale, now), this.distinct].filter(Boolean).join(" · "))
    const stopped = this.entry ? stoppedWords(this.entry) : ""
    say(this.#part("note"), stopped)
    const [time, tokens] = figuresLines(this.entry && !isLive(this.entry) ? this.entry.figures : null)
    this.#write("time", time)
    this.#write("tokens", tokens)
  }

  turn(by) {
    this.at += by
  }

  #showPages(pages, entries) {
    this.#part("pager").hidden = pages.length < 2
    this.distinct = pages.length === 1 ? pages[0].words : distinctWords(entries)
    this.#write("page", pages[this.at]?.words ?? "")
    this.#part("older").disabled = this.at === 0
    this.#part("newer").disabled = this.at >= pages.length - 1
  }

  #drawText() {
    const { entry } = this
    const key = entry ? `${entry.id} ${entry.followed ? "live" : entry.text.length}` : ""
    if (key === this.drawn) return
    this.drawn = key
    this.text.replace(aligned(entry?.buffer && isLive(entry) ? entry.buffer.tokens : textOf(entry)))
    this.text.streaming = entry?.status === "running"
  }

  /** A text whose run has ended stays as plain text; so much as a page of tokens would make a large board slow. */
  settle() {
    const { entry } = this
    this.text.streaming = false
    this.text.replace(aligned(textOf(entry)))
  }

  #showDiff({ diff, isBaseline }) {
    const place = this.#part("diff")
    const shown = diff !== null && !isBaseline && this.entry !== null && isAnswer(this.entry)
    this.text.hidden = shown
    place.hidden = !shown
    const key = shown ? diff.key(this.entry) : ""
    if (key === this.compared) return
    this.compared = key
    place.replaceChildren(...(shown ? diff.pieces(this.entry).map(({ kind, text }) => marked(kind, text)) : []))
  }

  #showJudge({ base, isBaseline, vote, rating, said }) {
    const judge = this.#part("judge")
    if (!judge) return
    judge.classList.toggle("unseen-yet", this.entry === null || isLive(this.entry)) // its room is kept, so nothing jumps
    const mayVote = !isBaseline && base !== null && this.entry !== null && isAnswer(this.entry) && isAnswer(base)
    this.#part("votes").hidden = !mayVote
    this.#part("base").hidden = !isBaseline
    for (const button of this.#part("votes").children) button.setAttribute("aria-pressed", String(button.dataset.vote === vote))
    const rate = this.#part("rate")
    setText(rate, rating)
    this.#write("discuss", said ? `${said} ${said === 1 ? "comment" : "comments"}` : "comment")
    this.#part("discuss").toggleAttribute("data-some", said > 0)
  }

  #showActs(entries) {
    const live = entries.some(isLive)
    const act = (name, hidden) => {
      const button = this.#part(name)
      if (button) button.hidden = hidden
    }
    act("run-cell", live)
    act("stop-cell", !live)
    act("open", this.entry === null)
  }

  #write(name, text) {
    const place = this.#part(name)
    setText(place, text)
  }

  #part(name) {
    return (this.parts[name] ??= this.root.querySelector(`[data-part="${name}"], [data-act="${name}"]`))
  }
}

const textOf = (entry) => (entry?.text ? [{ t: entry.text }] : [])

/** Without the space that many answers begin with: side by side they shall begin in one line. */
function aligned([first, ...rest]) {
  return first ? [{ ...first, t: first.t.trimStart() }, ...rest] : []
}

function marked(kind, text) {
  const made = document.createElement(MARKS[kind])
  made.textContent = text
  return made
}
