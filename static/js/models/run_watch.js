// The runs this page follows, and which of them are mine and live. Knows sockets, not the page.

import { placedCount } from "./run_plan.js";
import { LIVE, TokenBuffer } from "./token_buffer.js";

export class RunWatch extends EventTarget {
  /**
   * Sends "change" ({ buffer, change }) for every run it holds, "mine" ({ live }) when one of my runs begins or ends,
   * "started" when a worker begins a run of mine, and "ended" ({ run, isMine }) when a followed one has ended. Mine are
   * those that this page has begun, and those of this user that it opened.
   */
  constructor({ socket, read, user }) {
    super()
    Object.assign(this, { socket, read, user })
    this.buffers = new Map()
    this.mine = new Set() // my runs that are live, on the screen or not
    this.unseen = new Set() // live runs whose card was closed
    this.asked = new Set() // runs that are being started
  }

  /** Follows the run that `submitting` resolves to, which is asked with `spec`; returns it. */
  start(submitting, spec) {
    const begun = submitting.then((run) => {
      this.begin(run, spec)
      return run
    })
    this.asked.add(begun)
    return begun.finally(() => this.asked.delete(begun))
  }

  /** Whether this page holds a run that news told of, because it has started it itself. */
  async knows({ id, user_id: user }) {
    if (user === this.user) await Promise.allSettled(this.asked) // news can be faster than the answer
    return this.buffers.has(id)
  }

  /** Follows a run by the news of it, without asking the server; returns its buffer. */
  meet(row) {
    return this.buffers.get(row.id) ?? this.#follow(row)
  }

  /** What a run was asked; of one that news told of, it is read when somebody wants it. */
  async specOf(id) {
    const about = this.buffers.get(id)?.about ?? {}
    about.spec ??= (await this.read(id)).spec
    return about.spec
  }

  /** Follows a run that this page has just submitted with `spec`; returns its buffer. */
  begin(run, spec) {
    const buffer = this.#follow({ ...run, spec })
    this.#setMine(run.id, true)
    return buffer
  }

  /**
   * The buffer of any run; a live one is followed. One of this user is mine, unless it was started on another page and
   * is only watched. Throws RequestError when it cannot be read.
   */
  async open(id, isWatched = false) {
    const isKnown = this.buffers.get(id)?.about.settings
    if (!isKnown) {
      const run = await this.read(id)
      if (this.buffers.has(id)) Object.assign(this.buffers.get(id).about, aboutOf(run)) // opened twice, or met with little news
      else this.#take(run, isWatched)
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

  #take(run, isWatched) {
    if (LIVE.has(run.status)) {
      this.#follow(run)
      if (run.user_id === this.user && !isWatched) this.#setMine(run.id, true)
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
    if (frame.op === "start" && this.mine.has(buffer.run)) this.#send("started", { run: buffer.run })
    if (change.kind !== "ignore") this.#send("change", { buffer, change })
    if (!buffer.isLive && (change.kind === "end" || change.kind === "replace")) this.#ended(buffer)
    return buffer.lastId
  }

  #ended({ run, timing }) {
    if (timing === null) return // a snapshot of an ended run; its end frame follows
    this.socket.unwatch(run)
    const isMine = this.mine.has(run)
    if (isMine) this.#setMine(run, false)
    if (this.unseen.delete(run)) this.buffers.delete(run)
    this.#send("ended", { run, isMine })
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
function aboutOf({ spec, shots, user_id: user, user_name: userName, settings, settings_words: settingsWords, model, version, queued_at: queuedAt }) {
  return { spec, shots: spec ? placedCount(spec) : shots, user, userName, settings, settingsWords, model, version, queuedAt }
}
