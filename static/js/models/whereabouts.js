// What this page tells the room about its person: in which box, looking at what, or away. Knows no page.

const PACE = 50 // ms between two frames
const IDLE = 120_000 // ms without any input, after which a person is away

export class Whereabouts {
  /** `show(cursor)` tells the room. */
  constructor({ show, clock = globalThis }) {
    Object.assign(this, { show, clock, timer: null, told: "", isHidden: false, isIdle: false })
    this.now = { at: null, view: null, presents: false, follows: null }
    this.acted()
  }

  /** Parts of it have changed. */
  set(parts) {
    Object.assign(this.now, parts)
    this.#tell()
  }

  /** The person did something: back from being away, at once. */
  acted() {
    this.clock.clearTimeout(this.idle)
    this.idle = this.clock.setTimeout(() => this.#setIdle(true), IDLE)
    this.#setIdle(false)
  }

  setHidden(isHidden) {
    this.isHidden = isHidden
    if (isHidden) this.#tell()
    else this.acted()
  }

  /** Tells it once more, as when the server will stamp it differently now. */
  repeat() {
    this.told = ""
    this.#tell()
  }

  get cursor() {
    return { ...this.now, away: this.isHidden || this.isIdle }
  }

  #setIdle(isIdle) {
    this.isIdle = isIdle
    this.#tell()
  }

  /** The first change goes at once, those right behind it together. */
  #tell() {
    if (this.timer === null && JSON.stringify(this.cursor) !== this.told) this.#send()
  }

  #send() {
    this.told = JSON.stringify(this.cursor)
    this.show(this.cursor)
    this.timer = this.clock.setTimeout(() => {
      this.timer = null
      this.#tell()
    }, PACE)
  }
}
