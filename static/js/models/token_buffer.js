// What is known of one run, built from frames. Knows order, repeats, attempts and resets; nothing of the page.

export const LIVE = new Set(["queued", "running"])

export class TokenBuffer {
  /** `about` is what was asked: { spec, shots, user, userName, settings, settingsWords, model, version, queuedAt }. */
  constructor(run, status = "queued", about = {}) {
    Object.assign(this, { run, status, about, attempt: 0, seq: 0, tokens: [], text: "" })
    Object.assign(this, { error: null, usage: null, timing: null, finishReason: "", queue: null, firstDeltaAt: null })
    Object.assign(this, { stopping: false, heardAt: null, tokensBefore: 0 })
  }

  get isLive() {
    return LIVE.has(this.status)
  }

  /** The resume cursor, or null when nothing has been applied. */
  get lastId() {
    return this.seq ? `${this.attempt}-${this.seq}` : null
  }

  /**
   * Applies one frame and says what the page must do: "clear", "append" (with the new tokens), "replace", "end",
   * "queue" (it still waits), "error", "ignore", or "lost" when frames are missing and the run must be watched from its beginning.
   */
  apply(frame, now = performance.now()) {
    const id = parseId(frame.id)
    this.heardAt = now
    if (frame.op === "reset") return this.#reset(frame, id)
    if (frame.op === "end") return this.#end(frame, id)
    if (frame.op === "start") return this.#start(frame, id)
    if (frame.op === "delta") return this.#delta(frame, id, now)
    if (frame.op === "queue") return this.#queue(frame)
    if (frame.op === "cancelling") return this.#stops()
    return frame.op === "error" ? { kind: "error", message: frame.message } : { kind: "ignore" }
  }

  /** Takes over a whole run, as the snapshot address of the server gives it. */
  load(run) {
    Object.assign(this, { status: run.status, attempt: run.attempt, text: run.text, tokens: tokensOf(run) })
    Object.assign(this, { error: run.error, usage: run.usage, timing: run.timing, finishReason: run.finish_reason ?? "" })
    return { kind: "replace" }
  }

  #start(frame, id) {
    if (!this.#isNew(id)) return { kind: "ignore" }
    this.#void(id)
    this.usage = { prompt_tokens: frame.prompt_tokens, cached_tokens: frame.cached_tokens }
    return { kind: "clear" }
  }

  #delta(frame, id, now) {
    if (!this.#isNew(id)) return { kind: "ignore" }
    if (id.attempt !== this.attempt) return this.#lost() // its start never came: what is missing cannot be known
    this.seq = id.seq
    const added = tokensOf(frame)
    this.#startClock(added.length, now)
    this.text += frame.text
    for (const token of added) this.tokens.push(token)
    return { kind: "append", tokens: added }
  }

  /** Speed counts from the first delta that was seen to arrive: what came with it or before took unknown time. */
  #startClock(arrived, now) {
    if (this.firstDeltaAt !== null) return
    Object.assign(this, { firstDeltaAt: now, tokensBefore: this.tokens.length + arrived })
  }

  #reset(frame, id) {
    const { status, attempt, text } = frame.snapshot
    Object.assign(this, { status, attempt: id?.attempt ?? attempt, seq: id?.seq ?? 0, text, queue: null, error: null })
    this.firstDeltaAt = null
    this.tokens = tokensOf(frame.snapshot)
    return { kind: "replace" }
  }

  #end(frame, id) {
    if (this.timing && !this.isLive) return { kind: "ignore" }
    if (id && id.attempt < this.attempt) return { kind: "ignore" }
    if (id) Object.assign(this, { attempt: id.attempt, seq: id.seq })
    const { status, error, usage, timing } = frame
    Object.assign(this, { status, error, usage, timing: timing ?? {}, finishReason: frame.finish_reason ?? "", queue: null })
    return { kind: "end" }
  }

  #queue(frame) {
    if (!this.isLive) return { kind: "ignore" }
    this.queue = { ahead: frame.ahead, etaSeconds: frame.eta_seconds, note: frame.note }
    return { kind: "queue" }
  }

  #stops() {
    this.stopping = this.isLive
    return { kind: "queue" }
  }

  #lost() {
    this.#void({ attempt: 0, seq: 0 })
    return { kind: "lost" }
  }

  #void({ attempt, seq }) {
    Object.assign(this, { status: "running", attempt, seq, tokens: [], text: "", queue: null, firstDeltaAt: null })
  }

  #isNew(id) {
    return id.attempt > this.attempt || (id.attempt === this.attempt && id.seq > this.seq)
  }
}

/** "2-17" as numbers; null when there is no id. */
export function parseId(text) {
  if (!text) return null
  const [attempt, seq] = text.split("-").map(Number)
  return { attempt, seq }
}

/** The tokens of a frame, or its text as one token where the tokens are not known. */
function tokensOf({ tokens, text }) {
  if (tokens?.length) return [...tokens]
  return text ? [{ t: text }] : []
}
