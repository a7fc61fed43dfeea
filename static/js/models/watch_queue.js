// Which live runs a page follows: a socket takes only so many, so the next one is followed when one has ended.

export const MOST_WATCHED = 64 // of one socket; see playground/consumers

export class WatchQueue {
  /** `watch(id)` begins to follow a run. */
  constructor({ watch, most = MOST_WATCHED }) {
    Object.assign(this, { watch, most, watched: new Set(), waiting: [] })
  }

  /** Adds runs in the order in which they will be served. */
  add(ids) {
    const known = new Set([...this.watched, ...this.waiting])
    this.waiting.push(...ids.filter((id) => !known.has(id)))
    this.#fill()
  }

  /** A run has ended, whether it was followed or not. */
  ended(id) {
    this.watched.delete(id)
    this.waiting = this.waiting.filter((one) => one !== id)
    this.#fill()
  }

  #fill() {
    while (this.watched.size < this.most && this.waiting.length) {
      const id = this.waiting.shift()
      this.watched.add(id)
      this.watch(id)
    }
  }
}
