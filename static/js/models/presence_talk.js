// What a screen reader says about the people in the room: who came and left, and which box somebody is in once they
// stay there. Each thing once, and not while it still changes.

const SETTLE = 2000 // ms until a change counts; somebody who reloads has not left
const STAY = 15_000 // ms between two places of one person

export class PresenceTalk {
  /** `speak(text)` puts text into a polite live region. */
  constructor({ speak, clock = globalThis, now = () => performance.now() }) {
    Object.assign(this, { speak, clock, now, known: null, timer: null })
  }

  /** `others` are [{ id, name, place }], place in words or ""; null while the line is cut. */
  hear(others) {
    this.latest = others
    if (others === null) this.known = null
    this.timer ??= this.clock.setTimeout(() => this.#settle(), SETTLE)
  }

  #settle() {
    this.timer = null
    const { latest, known } = this
    if (latest === null) return
    const here = new Map(latest.map((person) => [person.id, { ...person, spokenAt: known?.get(person.id)?.spokenAt ?? -Infinity }]))
    const words = known ? [...this.#came(here), ...this.#left(here), ...this.#moved(here)] : this.#found(here)
    this.known = here
    if (words.length) this.speak(`${words.join(". ")}.`)
    const isOwed = [...here.values()].some(({ place, said }) => place && place !== said)
    if (isOwed) this.later ??= this.clock.setTimeout(() => this.#again(), STAY)
  }

  #again() {
    this.later = null
    this.hear(this.latest)
  }

  /** Whom one finds on coming is no news. */
  #found(here) {
    for (const person of here.values()) person.said = person.place
    return []
  }

  #came(here) {
    return [...here.values()].filter(({ id }) => !this.known.has(id)).map(({ name }) => `${name} joined`)
  }

  #left(here) {
    return [...this.known.values()].filter(({ id }) => !here.has(id)).map(({ name }) => `${name} left`)
  }

  #moved(here) {
    const words = []
    for (const person of here.values()) {
      person.said = this.known.get(person.id)?.said ?? ""
      if (!person.place || person.place === person.said || this.now() - person.spokenAt < STAY) continue
      Object.assign(person, { said: person.place, spokenAt: this.now() })
      words.push(`${person.name} is in ${person.place}`)
    }
    return words
  }
}
