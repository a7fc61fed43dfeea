// The runs this page follows, and which of them are mine and live. Knows sockets, not the page.

import { LIVE, TokenBuffer } from "./token_buffer.js";

export class RunWatch extends EventTarget {
  /**
   * Sends "change" ({ buffer, change }) for every run it holds, "mine" ({ live }) when one of my runs begins or ends,
   * "started" when a worker begins a followed run, and "ended" when one has ended.
   */
  constructor({ socket, read, user }) {
    super()
    Object.assign(this, { socket, read, user })
    this.buffers = new Map()
    this.mine = new Set() // my runs that are live, on the screen or not
    this.unseen = new Set() // live runs whose card was closed
  }

  /** Follows a run that this page has just submitted with `spec`; returns its buffer. */
  begin(run, spec) {
    const buffer = this.#follow({ ...run, spec })
    this.#setMine(run.id, true)
    return buffer
  }

  /** The buffer of any run; a live one is followed. Throws RequestError when it cannot be read. */
  async open(id) {
    if (!this.buffers.has(id)) {
      const run = await this.read(id)
      if (!this.buffers.has(id)) this.#take(run) // else it was opened twice
    }
    this.unseen.delete(id)
    return this.buffers.get(id)
  }

  /** Lets go of a run that left the screen; one of mine that is live goes on and can still be stopped. */
  close(id) {
    if (this.mine.has(id)) return this.unseen.add(id)
    this.buffers.delete(id)
    this.socket.unwatch(id)
  }

  /** Asks to stop one run, or all live runs of mine. */
  stop(id) {
    for (const run of id ? [id] : this.mine) this.socket.cancel(run)
  }

  #take(run) {
    if (LIVE.has(run.status)) {
      this.#follow(run)
      if (run.user_id === this.user) this.#setMine(run.id, true)
      return
    }
    const buffer = new TokenBuffer(run.id, run.status, aboutOf(run))
    buffer.load(run)
    this.buffers.set(run.id, buffer)
  }

  #follow(run) {
    const buffer = new TokenBuffer(run.id, run.status, aboutOf(run))
    this.buffers.set(run.id, buffer)
    this.socket.watch(run.id, (frame) => this.#hear(buffer, frame))
    return buffer
  }

  #hear(buffer, frame) {
    const change = buffer.apply(frame)
    if (frame.op === "start") this.#send("started", { run: buffer.run })
    if (change.kind !== "ignore") this.#send("change", { buffer, change })
    if (!buffer.isLive && (change.kind === "end" || change.kind === "replace")) this.#ended(buffer)
    return buffer.lastId
  }

  #ended({ run, timing }) {
    if (timing === null) return // a snapshot of an ended run; its end frame follows
    this.socket.unwatch(run)
    if (this.mine.has(run)) this.#setMine(run, false)
    if (this.unseen.delete(run)) this.buffers.delete(run)
    this.#send("ended", { run })
  }

  #setMine(id, live) {
    if (live) this.mine.add(id)
    else this.mine.delete(id)
    this.#send("mine", { live: this.mine.size > 0 })
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}

/** What was asked: it does not change while the answer grows. */
function aboutOf({ spec, settings, settings_words: settingsWords, model, version, queued_at: queuedAt }) {
  return { spec, settings, settingsWords, model, version, queuedAt }
}
