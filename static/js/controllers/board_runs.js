// Runs cells, stops them, and keeps what is known of them up to date. Knows the server, not how cells look.

import { requestJson } from "../lib/http.js";
import { submitOnce } from "../lib/submit_run.js";
import { debounce } from "../lib/timing.js";
import { asksOf } from "../models/asks.js";
import { figuresOf } from "../models/cell_words.js";
import { isLive } from "../models/cells.js";
import { WatchQueue } from "../models/watch_queue.js";

const LOOK = 500 // ms after an end before the server is asked about runs that nobody follows

export class BoardRuns extends EventTarget {
  /**
   * Sends "changed" when runs begin or end, "drawn" ({ entry, change }) for each change of a followed run, and "fault"
   * ({ message }). `comparison` is its id, and `saved()` resolves once the server has the board as it is here.
   */
  constructor({ board, cells, runs, urls, comparison, saved }) {
    super()
    Object.assign(this, { board, cells, runs, urls, comparison, saved, submitting: false, isBehind: false })
    this.queue = new WatchQueue({ watch: (id) => this.#follow(id) })
    this.lookSoon = debounce(() => this.look(), LOOK)
    runs.addEventListener("change", ({ detail }) => this.#hear(detail))
    runs.addEventListener("ended", ({ detail }) => this.#ended(detail.run))
  }

  /** Takes the runs that came with the page. */
  load(told) {
    this.cells.load(told, (column, row) => this.#asks(column, row))
    this.queue.add(this.cells.live.map(({ id }) => id))
    this.#tell()
  }

  /** News: somebody has run cells of a comparison, or this page has, which knows better when it is through. */
  hear({ comparison }) {
    if (comparison !== this.comparison) return
    if (this.submitting) this.isBehind = true
    else this.look()
  }

  /** Runs these cells, [{ column, row }], or all. */
  async run(cells) {
    if (this.submitting) return
    this.submitting = true
    this.#complain("")
    this.#tell()
    try {
      await this.saved()
      this.#begin(await submitOnce(this.urls.runs, cells ? { cells } : {}))
    } catch (error) {
      if (error.body?.refused) this.cells.refuse(error.body.refused)
      this.#complain(`${error.message}${error.retryAfter ? ` Try again in ${error.retryAfter} s.` : ""}`)
    }
    this.submitting = false
    this.#tell()
    if (this.isBehind) this.look()
  }

  /** Asks to stop what is live in these cells, whoever has started it, or all live runs of mine. */
  async stop(cells) {
    try {
      await requestJson("POST", this.urls.cancel, { body: cells ? { cells, everyone: true } : {} })
      this.lookSoon()
    } catch (error) {
      this.#complain(error.message)
    }
  }

  /** Asks the server how all cells stand. */
  async look() {
    this.isBehind = false
    try {
      const { cells } = await requestJson("GET", this.urls.cells)
      this.load(cells)
      for (const { id, status } of cells) if (!isLive({ status })) this.queue.ended(id)
      this.#tell()
    } catch (error) {
      if (this.queue.waiting.length) this.lookSoon()
      if (!error.isOffline) this.#complain(error.message)
    }
  }

  #begin({ cells, refused, notes = [] }) {
    const entries = this.cells.begin(cells, (column, row) => this.#asks(column, row))
    this.cells.refuse(refused)
    this.queue.add(entries.map(({ id }) => id))
    const left = refused.length ? [`${refused.length} of ${cells.length + refused.length} cells cannot run: ${refused[0].message}`] : []
    this.#complain([...left, ...notes].join(" "))
  }

  #follow(id) {
    const entry = this.cells.byRun.get(id)
    if (!entry || !isLive(entry)) return queueMicrotask(() => this.queue.ended(id))
    const isNew = Boolean(entry.queued_at) // of others, or from before a reload, it is not known what was asked
    const buffer = isNew ? this.runs.begin(entry, this.#specOf(entry)) : this.runs.meet(entry)
    Object.assign(entry, { buffer, followed: true, status: buffer.status, text: buffer.text })
    this.#tell()
  }

  #specOf({ column, row }) {
    const [one, other] = [this.board.column(column), this.board.row(row)]
    return one && other ? { ...one.spec, input: this.board.inputOf(one, other) } : null
  }

  #hear({ buffer, change }) {
    const entry = this.cells.byRun.get(buffer.run)
    if (!entry || entry.buffer !== buffer) return
    if (change.kind === "error") return this.lookSoon() // it cannot be read any more
    const before = entry.status
    Object.assign(entry, { status: buffer.status, text: buffer.text, error: buffer.error })
    this.#send("drawn", { entry, change })
    if (entry.status !== before) this.#tell()
  }

  #ended(id) {
    const entry = this.cells.byRun.get(id)
    this.queue.ended(id)
    if (!entry) return
    if (entry.buffer) Object.assign(entry, { status: entry.buffer.status, text: entry.buffer.text, error: entry.buffer.error, figures: figuresOf(entry.buffer) })
    if (this.queue.waiting.length || !this.cells.live.length) this.lookSoon()
    this.#send("ended", { entry })
    this.#tell()
  }

  #asks(columnKey, rowKey) {
    const [column, row] = [this.board.column(columnKey), this.board.row(rowKey)]
    return column && row ? asksOf(column.spec, this.board.inputOf(column, row)) : null
  }

  #complain(message) {
    this.#send("fault", { message })
  }

  #tell() {
    this.#send("changed", {})
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}
