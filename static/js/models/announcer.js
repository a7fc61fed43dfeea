// Turns a stream of tokens into whole sentences for screen readers: a live region that changed with every token
// would be read out in pieces.

const SENTENCE_END = /[.!?…。！？\n]\s*$/
const LONGEST = 200 // characters without a sentence end

export class Announcer {
  /** `speak(text)` puts text into a polite live region. */
  constructor(speak) {
    this.speak = speak
    this.waiting = ""
  }

  hear(text) {
    this.waiting += text
    if (SENTENCE_END.test(this.waiting) || this.waiting.length > LONGEST) this.#say(this.waiting)
  }

  /** Says what is left, and `closing` after it. */
  finish(closing) {
    this.#say(`${this.waiting} ${closing}`)
  }

  restart() {
    this.waiting = ""
  }

  #say(text) {
    this.waiting = ""
    if (text.trim()) this.speak(text.trim())
  }
}
