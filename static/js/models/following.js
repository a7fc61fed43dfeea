// Following: who presents, whom this page follows, and who follows it. Knows no page.

export class Following extends EventTarget {
  /** Sends "change" when what the note says may have changed, and "go" ({ steps }) when the leader went somewhere. */
  constructor() {
    super()
    Object.assign(this, { presenters: [], followers: [], leader: null, ended: null, refused: new Set(), presents: false })
  }

  /** Who is in the room besides this page, whose seat is `seat`. */
  meet(members, seat) {
    this.presenters = members.filter(({ presents }) => presents)
    this.followers = members.filter(({ follows }) => follows && follows === seat)
    if (this.leader) this.#keepUp(this.presenters.find((one) => one.seat === this.leader.seat))
    for (const one of this.refused) if (!this.#presenter(one)) this.refused.delete(one)
    if (this.ended && !this.#presenter(this.ended.seat)) this.ended = null
    this.#tell()
  }

  follow(seat) {
    const leader = this.#presenter(seat)
    if (!leader) return
    Object.assign(this, { leader, ended: null })
    this.#go(stepsOf({}, placesOf(leader)))
    this.#tell()
  }

  /** Stops following; `words` say why. */
  stop(words) {
    if (!this.leader) return
    this.ended = { seat: this.leader.seat, words: words(this.leader.user.name) }
    this.refused.add(this.leader.seat)
    this.leader = null
    this.#tell()
  }

  /** The note is not wanted any more. */
  refuse() {
    for (const { seat } of this.presenters) this.refused.add(seat)
    this.ended = null
    this.#tell()
  }

  present(presents) {
    this.presents = presents
    this.#tell()
  }

  /** What is to be told: { words, act, label, seat }, act being "stop", "present" or "follow"; or null. */
  get note() {
    if (this.leader) return { words: `You follow ${this.leader.user.name}.`, act: "stop", label: "Stop" }
    if (this.presents) return { words: `You present. ${followWords(this.followers)}`, act: "present", label: "Stop presenting" }
    if (this.ended) return { words: this.ended.words, act: "follow", label: "Follow again", seat: this.ended.seat }
    const offer = this.presenters.find(({ seat }) => !this.refused.has(seat))
    return offer ? { words: `${offer.user.name} presents.`, act: "follow", label: "Follow", seat: offer.seat } : null
  }

  #keepUp(leader) {
    if (!leader) {
      this.leader = null
      return
    }
    const steps = stepsOf(placesOf(this.leader), placesOf(leader))
    this.leader = leader
    this.#go(steps)
  }

  #presenter(seat) {
    return this.presenters.find((one) => one.seat === seat)
  }

  #go(steps) {
    if (Object.keys(steps).length) this.dispatchEvent(new CustomEvent("go", { detail: { steps } }))
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}

/** Where somebody is, as one flat record. */
function placesOf({ view, at }) {
  return { panel: view?.panel ?? "", run: view?.run ?? null, token: view?.token ?? null, top: view?.top ?? "", text: at?.text ?? "" }
}

/** What is another now than before. A token comes with its run. */
export function stepsOf(before, now) {
  const changed = Object.entries(now).filter(([key, value]) => value !== before[key] && !(before[key] === undefined && !value))
  const steps = Object.fromEntries(changed)
  return "token" in steps ? { ...steps, run: now.run } : steps
}

function followWords(followers) {
  const names = [...new Set(followers.map(({ user }) => user.name))]
  if (names.length === 0) return "Nobody follows yet."
  const shown = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} others`] : names
  const list = shown.length > 1 ? `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}` : shown[0]
  return `${list} ${names.length > 1 ? "follow" : "follows"}.`
}
