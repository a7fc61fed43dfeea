// The runs this page follows: the one that is shown, and mine while it is live. Knows sockets, not the page.

import { TokenBuffer } from "./token_buffer.js";

export class RunWatch extends EventTarget {
  /**
   * Sends "change" ({ buffer, change }) for the shown run, "mine" when my live run begins or ends,
   * "started" when a worker begins a followed run, and "ended" when one has ended.
   */
  constructor({ socket, read, user }) {
    super()
    Object.assign(this, { socket, read, user, shown: null, mine: null })
    this.buffers = new Map()
  }

  /** Follows and shows a run that this page has just submitted. */
  begin(run) {
    const { id, status } = run
    this.#drop(this.shown)
    this.shown = id
    const buffer = this.#follow(id, status).describe(run)
    this.#setMine(id)
    this.#tell(buffer, { kind: "replace" })
  }

  /** Shows an earlier run; a live one is followed. Throws RequestError when it cannot be read. */
  async show(id) {
    this.wanted = id
    const known = this.buffers.get(id)
    const { run } = known ? {} : await this.read(id)
    if (this.wanted !== id) return // somebody clicked another run meanwhile
    if (this.shown !== id) this.#drop(this.shown)
    this.shown = id
    if (known) return this.#tell(known, { kind: "replace" })
    this.#showRead(run)
  }

  /** Asks to stop my live run. */
  stop() {
    if (this.mine) this.socket.cancel(this.mine)
  }

  #showRead(run) {
    const buffer = new TokenBuffer(run.id).describe(run)
    if (["queued", "running"].includes(run.status)) {
      const followed = this.#follow(run.id, run.status).describe(run)
      if (run.user_name === this.user && !this.mine) this.#setMine(run.id)
      return this.#tell(followed, { kind: "replace" })
    }
    this.#tell(buffer, buffer.load(run))
  }

  #follow(id, status) {
    const buffer = new TokenBuffer(id, status)
    this.buffers.set(id, buffer)
    this.socket.watch(id, (frame) => this.#hear(buffer, frame))
    return buffer
  }

  #hear(buffer, frame) {
    const change = buffer.apply(frame)
    if (frame.op === "start") this.#send("started", { run: buffer.run })
    if (change.kind !== "ignore") this.#tell(buffer, change)
    if (!buffer.isLive && (change.kind === "end" || change.kind === "replace")) this.#ended(buffer)
    return buffer.lastId
  }

  #ended(buffer) {
    if (buffer.timing === null) return // a snapshot of an ended run; its end frame follows
    this.socket.unwatch(buffer.run)
    if (this.mine === buffer.run) this.#setMine(null)
    if (this.shown !== buffer.run) this.buffers.delete(buffer.run)
    this.#send("ended", { run: buffer.run })
  }

  /** Stops following a run that leaves the screen, unless it is mine and live. */
  #drop(id) {
    if (!id || id === this.mine) return
    this.buffers.delete(id)
    this.socket.unwatch(id)
  }

  #setMine(id) {
    this.mine = id
    this.#send("mine", { live: id !== null })
  }

  #tell(buffer, change) {
    if (buffer.run === this.shown) this.#send("change", { buffer, change })
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}
