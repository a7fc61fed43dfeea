// Plays an answer back: a button, a slider over its tokens, and the speed. The whole text keeps its place; what is not
// written yet is only not seen, so nothing on the page moves.

import { say } from "../lib/dom.js";
import { clockWords, Playback, placeWords, timesOf } from "../models/playback.js";

const CALM = 500 // ms between pictures for those who want little motion
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }

export class Player {
  /** `box` holds an `<answer-text>`, which shows `tokens`, and what share/_run.html has. `span` is in ms. */
  constructor(box, tokens, span) {
    this.answer = box.querySelector("answer-text")
    this.place = box.querySelector("[data-player]")
    const { times, isTrue } = timesOf(tokens, span)
    this.playback = new Playback(times)
    this.drawn = this.playback.count
    this.place.hidden = times.length < 2
    const part = (name) => this.place.querySelector(`[data-${name}]`)
    Object.assign(this, { button: part("play"), slider: part("slider"), clock: part("time"), speed: part("speed") })
    say(box.querySelector("[data-pace]"), isTrue || this.place.hidden ? "" : "Evenly paced: when each token came is not known for this answer.")
    this.slider.max = times.length
    this.#connect(box)
    this.#draw()
  }

  #connect(box) {
    this.button.addEventListener("click", () => this.#toggle())
    this.slider.addEventListener("input", () => this.#seek(Number(this.slider.value)))
    this.speed.addEventListener("change", () => (this.playback.speed = Number(this.speed.value)))
    box.addEventListener("keydown", (event) => this.#key(event))
    this.answer.addEventListener("drawn", () => this.#hide(0, this.playback.count))
    document.addEventListener("token-chosen", ({ detail }) => detail.run === this.answer.run && this.#reach(detail.at))
  }

  #key(event) {
    const { key, target } = event
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
    if (target.closest("select, summary, a") || (target.closest("button") && target !== this.button)) return
    const plays = key === " " && target !== this.button // a button plays by itself
    if (!plays && !(key in STEPS && target !== this.slider)) return
    event.preventDefault()
    if (plays) this.#toggle()
    else this.#seek(this.playback.shown + STEPS[key])
  }

  #toggle() {
    if (this.playback.isPlaying) this.playback.pause()
    else this.playback.play(performance.now())
    this.#draw()
    this.#next()
  }

  #seek(count) {
    this.playback.pause()
    this.playback.seek(count)
    this.#draw()
  }

  /** Somebody looks at a token: it must be there, and stay. */
  #reach(at) {
    this.playback.pause()
    if (at >= this.playback.shown) this.playback.seek(at + 1)
    this.#draw()
  }

  #next() {
    if (!this.playback.isPlaying) return
    const step = () => {
      this.playback.advance(performance.now())
      this.#draw()
      this.#next()
    }
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) setTimeout(step, CALM)
    else requestAnimationFrame(step)
  }

  #draw() {
    const { playback, drawn } = this
    const { shown, isPlaying } = playback
    this.place.dataset.playing = isPlaying
    this.button.setAttribute("aria-label", isPlaying ? "Pause" : "Play")
    this.slider.value = shown
    this.slider.setAttribute("aria-valuetext", placeWords(playback))
    this.clock.textContent = clockWords(playback)
    this.drawn = shown
    if (shown !== drawn) this.#hide(Math.min(shown, drawn), Math.max(shown, drawn))
  }

  /** Hides or shows the tokens from `start` to `end`, and puts the caret behind the last one that is shown. */
  #hide(start, end) {
    const { answer, playback } = this
    const { shown, count } = playback
    for (let at = start; at < end; at += 1) {
      const span = answer.spanAt(at) // tokens that make one character together share theirs
      span?.classList.toggle("later", answer.placeOf(span) >= shown)
    }
    const wasInSight = this.head ? isInSight(this.head) : true
    this.head?.classList.remove("head")
    this.head = shown && shown < count ? answer.spanAt(shown - 1) : null
    this.head?.classList.add("head")
    if (playback.isPlaying && wasInSight) this.head?.scrollIntoView({ block: "nearest" })
  }
}

function isInSight(span) {
  const { top, bottom } = span.getBoundingClientRect()
  return top >= 0 && bottom <= window.innerHeight
}
