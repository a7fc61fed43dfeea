// The runs of a comparison, by cell and sample, and what is known of each. Knows no page and no socket.

import { LIVE } from "./token_buffer.js";

const FAULTS = new Set(["failed", "expired"])

export const isLive = ({ status }) => LIVE.has(status)
export const isFault = ({ status }) => FAULTS.has(status)
export const isAnswer = (entry) => !isLive(entry) && !isFault(entry)

export class Cells {
  /** `user` is the reader's id: an entry that somebody else has started is `by` them. */
  constructor(user = null) {
    this.user = user
    this.places = new Map() // "column row" -> entries by sample
    this.byRun = new Map()
    this.refusals = new Map() // "column row" -> why it could not run
  }

  /**
   * Takes the newest runs as the server tells them, each with { column, row, sample }. An entry that the page follows
   * itself knows more than an answer that was on its way, so only what ended since is taken over; nor does such an
   * answer bring back what stood in the cell before a run that this page has begun.
   */
  load(told, askedOf) {
    for (const { column, row, sample, ...run } of told) {
      const known = this.byRun.get(run.id)
      if (known?.followed && isLive(known)) continue
      const there = this.places.get(placeOf(column, row))?.[sample]
      if (there && isLive(there) && there.id > run.id) continue // ids are in the order of time
      if (known) Object.assign(known, run, { asked: known.asked })
      else this.#put(column, row, sample, { ...run, asked: run.stale ? null : askedOf(column, row) })
    }
  }

  /**
   * Takes runs that this page has just started; `askedOf(column, row)` says with what. News or a look at the board may
   * have told of them before, and then they are followed already.
   */
  begin(started, askedOf) {
    for (const { column, row } of started) this.refusals.delete(placeOf(column, row))
    return started.map(({ column, row, sample, run }) => {
      const asked = askedOf(column, row)
      const told = this.byRun.get(run.id)
      if (told) return Object.assign(told, { asked })
      return this.#put(column, row, sample, { text: "", error: null, figures: null, ...run, asked })
    })
  }

  refuse(refused) {
    for (const { column, row, message } of refused) this.refusals.set(placeOf(column, row), message)
  }

  refusalOf(column, row) {
    return this.refusals.get(placeOf(column, row)) ?? ""
  }

  /** The entries of a cell in the order of their samples, the first `most` of them. */
  of(column, row, most = Infinity) {
    return (this.places.get(placeOf(column, row)) ?? []).slice(0, most).filter(Boolean)
  }

  get live() {
    return [...this.byRun.values()].filter(isLive)
  }

  /** How many entries stand in cells: { live, mine, ended, failed }; `mine` of those that are live. */
  count() {
    const all = [...this.byRun.values()]
    const live = all.filter(isLive)
    return { live: live.length, mine: live.filter(({ by }) => !by).length, ended: all.length - live.length, failed: all.filter(isFault).length }
  }

  #put(column, row, sample, run) {
    const place = placeOf(column, row)
    if (!this.places.has(place)) this.places.set(place, [])
    const entries = this.places.get(place)
    if (entries[sample]) this.byRun.delete(entries[sample].id)
    const entry = { column, row, sample, ...run, by: run.user_id === this.user ? "" : (run.user_name ?? "") }
    entries[sample] = entry
    this.byRun.set(entry.id, entry)
    return entry
  }
}

const placeOf = (column, row) => `${column} ${row}`

/** The different answers of a cell, [{ text, entries }], the most frequent first, then the earliest. */
export function distinctOf(entries) {
  const found = new Map()
  for (const entry of entries.filter(isAnswer)) {
    const text = entry.text.trim()
    if (!found.has(text)) found.set(text, [])
    found.get(text).push(entry)
  }
  return [...found].map(([text, same]) => ({ text, entries: same })).toSorted((one, other) => other.entries.length - one.entries.length)
}

/**
 * What a cell can page through, [{ entry, words }]: while answers are written, every sample; then every different
 * answer with how often it came, and what failed.
 */
export function pagesOf(entries) {
  if (entries.length < 2 || entries.some(isLive)) {
    return entries.map((entry, index) => ({ entry, words: entries.length > 1 ? `sample ${index + 1} of ${entries.length}` : "" }))
  }
  const answers = distinctOf(entries)
  const ended = entries.filter(isAnswer).length
  const pages = answers.map(({ entries: same }) => ({ entry: same[0], words: answers.length === 1 ? `${ended} times the same` : `${same.length} of ${ended}` }))
  return [...pages, ...entries.filter(isFault).map((entry) => ({ entry, words: entry.status }))]
}

/** "3 distinct of 5", or "" where there is one sample. */
export function distinctWords(entries) {
  if (entries.length < 2) return ""
  const live = entries.filter(isLive).length
  if (live) return `${entries.length - live} of ${entries.length} written`
  const answers = entries.filter(isAnswer)
  return `${distinctOf(entries).length} distinct of ${answers.length}`
}

/** Whether a run that was asked with `asked` would be asked otherwise now. */
export const isStale = (entry, now) => entry.asked !== now && !isLive(entry)
