/** Timers that only move when a test says so. */
export class Clock {
  time = 0
  timers = new Map()
  next = 1

  now = () => this.time
  setTimeout = (action, delay) => this.#add(action, delay, null)
  setInterval = (action, every) => this.#add(action, every, every)
  clearTimeout = (timer) => this.timers.delete(timer)
  clearInterval = (timer) => this.timers.delete(timer)

  #add(action, delay, every) {
    this.timers.set(this.next, { action, at: this.time + delay, every })
    return this.next++
  }

  #first() {
    let first = []
    for (const one of this.timers) if (!first[1] || one[1].at < first[1].at) first = one
    return first
  }

  /** Runs everything that falls due within `span` milliseconds, in order. */
  pass(span) {
    const end = this.time + span
    for (;;) {
      const [timer, due] = this.#first()
      if (!due || due.at > end) break
      this.time = due.at
      if (due.every === null) this.timers.delete(timer)
      else due.at += due.every
      due.action()
    }
    this.time = end
  }
}
