// When each token of an answer appeared, and where playback of it stands. All times in ms; no DOM.

const UNKNOWN_STEP = 40 // ms a token, when not even the beginning and the end are known

/**
 * { times, isTrue }: when each token appeared, after the first that the model wrote. True times are kept with the tokens
 * (`ms`); without them the tokens are spread evenly over `span`. Tokens that were given were there from the beginning.
 */
export function timesOf(tokens, span) {
  const written = tokens.filter((token) => !token.given)
  const isTrue = written.length > 0 && written.every(({ ms }) => Number.isFinite(ms))
  const step = span && written.length > 1 ? span / (written.length - 1) : UNKNOWN_STEP
  let [count, latest] = [0, 0]
  const times = tokens.map((token) => {
    if (token.given) return 0
    latest = Math.max(latest, isTrue ? token.ms : step * count)
    count += 1
    return latest
  })
  return { times, isTrue }
}

export class Playback {
  /** Begins at the end: the whole answer is shown. */
  constructor(times) {
    this.times = times
    this.speed = 1
    this.isPlaying = false
    this.seek(this.count)
  }

  get count() {
    return this.times.length
  }

  get duration() {
    return this.times.at(-1) ?? 0
  }

  /** How many tokens are shown. */
  get shown() {
    return this.#shown
  }

  #shown = 0
  #time = 0
  #then = 0 // the clock when `#time` was true

  /** Where playback stands. */
  get time() {
    return this.#time
  }

  /** Shows the first `count` tokens. */
  seek(count) {
    this.#shown = Math.max(0, Math.min(this.count, count))
    this.#time = this.#shown ? this.times[this.#shown - 1] : 0
  }

  /** Goes on from here, from the beginning when it has ended. */
  play(now) {
    if (this.#shown === this.count) this.seek(0)
    this.#then = now
    this.isPlaying = true
  }

  pause() {
    this.isPlaying = false
  }

  /** Moves to where playback is at `now`; it pauses at the end. */
  advance(now) {
    if (!this.isPlaying) return
    this.#time = Math.min(this.duration, this.#time + (now - this.#then) * this.speed)
    this.#then = now
    while (this.#shown < this.count && this.times[this.#shown] <= this.#time) this.#shown += 1
    if (this.#shown === this.count) this.pause()
  }
}

/** Where playback stands, for a line beside the slider. */
export const clockWords = ({ time, duration }) => `${seconds(time)} of ${seconds(duration)}`

/** Where playback stands, for those who hear the slider. */
export const placeWords = ({ shown, count, time }) => `token ${shown} of ${count}, ${seconds(time)}`

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`
