// Saves a draft while people type: one request at a time, the newest content last, never over somebody else's change.

const LONGEST_RETRY = 30000 // ms

export class DraftSaver {
  /**
   * `put(body, { leaving })` sends and returns { draft_version }; `read()` gives the content, such as
   * { title, scope, spec, inputs }, always with the same keys;
   * `onState(state, detail)` hears "dirty", "saving", "saved", "offline", "refused" and "conflict".
   */
  constructor({ version, put, read, onState, delay = 600, clock = globalThis }) {
    Object.assign(this, { version, put, read, onState, delay, clock })
    this.sent = JSON.stringify(read())
    this.base = this.sent // what is stored, as far as we know: two changes of it can be put together
    this.failures = 0
    this.saving = null
    this.unsure = null // content whose answer got lost: it may or may not be stored
    this.theirs = null
    this.onConflict = null // is told { base, mine, theirs, by } of each conflict
    this.state = "saved"
  }

  /** Something changed: save soon. */
  touch() {
    if (this.state === "conflict") return
    this.#enter("dirty")
    this.#later(this.delay)
  }

  /** Saves now, if there is anything to save. The page may be going away, so nothing may wait. */
  flush({ leaving = false } = {}) {
    this.clock.clearTimeout(this.timer)
    if (this.saving || this.state === "conflict") return this.saving
    if (JSON.stringify(this.read()) === this.sent) {
      if (this.state === "dirty") this.#enter("saved") // changed and changed back
      return null
    }
    this.saving = this.#save(leaving).finally(() => (this.saving = null))
    return this.saving
  }

  get isSafe() {
    return this.state === "saved"
  }

  /** Ends a conflict by writing our draft over theirs. */
  keepMine() {
    this.#resolve()
    this.sent = ""
    return this.flush()
  }

  /** Ends a conflict by taking theirs; returns it for the page. */
  takeTheirs() {
    const content = this.#theirContent
    this.#resolve()
    this.sent = JSON.stringify(content)
    this.#enter("saved")
    return structuredClone(content)
  }

  /** What a conflict is about: { base, mine, theirs, by }; `by` is who saved theirs, where the server says so. */
  get conflict() {
    return { base: JSON.parse(this.base), mine: structuredClone(this.read()), theirs: structuredClone(this.#theirContent), by: this.theirs.by }
  }

  get #theirContent() {
    return Object.fromEntries(Object.keys(this.read()).map((key) => [key, this.theirs[key]]))
  }

  #resolve() {
    this.version = this.theirs.draft_version
    this.base = JSON.stringify(this.#theirContent)
    this.theirs = null
    this.state = "dirty"
  }

  async #save(leaving) {
    const content = this.read()
    const text = JSON.stringify(content)
    this.#enter("saving")
    try {
      const { draft_version } = await this.put({ draft_version: this.version, ...JSON.parse(text) }, { leaving })
      this.#stored(draft_version, text)
    } catch (error) {
      this.#failed(error, text)
    }
  }

  #stored(version, text) {
    Object.assign(this, { version, sent: text, base: text, unsure: null, failures: 0 })
    if (JSON.stringify(this.read()) === text) return this.#enter("saved")
    this.#enter("dirty") // edited while the request was on its way
    this.#later(this.delay)
  }

  #failed(error, text) {
    if (error.code === "draft_conflict") return this.#conflict(error.body, text)
    if (error.status >= 400 && error.status < 500 && error.status !== 429) return this.#enter("refused", error.message)
    this.unsure = text
    this.#enter("offline")
    this.#later(Math.min(LONGEST_RETRY, 1000 * 2 ** this.failures))
    this.failures += 1
  }

  /** After an answer got lost on its way, a conflict may be with ourselves: then their text is what we sent. */
  #conflict(theirs, text) {
    const own = [text, this.unsure].find((one) => one && sameContent(theirs, JSON.parse(one)))
    if (own) return this.#stored(theirs.draft_version, own)
    this.theirs = theirs
    this.#enter("conflict")
    this.onConflict?.(this.conflict)
  }

  #later(delay) {
    this.clock.clearTimeout(this.timer)
    this.timer = this.clock.setTimeout(() => this.flush(), delay)
  }

  #enter(state, detail = "") {
    this.state = state
    this.onState(state, detail)
  }
}

/** Whether two drafts hold the same, whatever the order of their keys. */
function sameContent(theirs, ours) {
  return Object.keys(ours).every((key) => canonical(theirs[key]) === canonical(ours[key]))
}

function canonical(value) {
  return JSON.stringify(value, (_, part) =>
    part && typeof part === "object" && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part,
  )
}
