// One websocket per page. It reconnects by itself and resumes every watched run after the last frame it has seen.
// Knows frames and close codes, not what they mean on the screen.

const ACK_EVERY = 1000 // ms
const PING_EVERY = 15000
const SILENT_FOR = 40000 // no frame for this long: the line is dead although nobody closed it
const LONGEST_WAIT = 15000
const CLOSED_FOR_GOOD = { 4401: "signed-out", 4403: "no-access" }
const OF_ROOM = new Set(["joined", "edits", "presence", "saved"])
const AT_ONCE = new Set([1012, 4408, 4503]) // restarting or draining: another process takes us right away

export class LiveSocket {
  /**
   * `onState(state)` hears "connecting", "open", "waiting", "signed-out" and "no-access"; `onError(frame)` hears
   * errors that belong to no run, `onRights(frame)` what the page may do, `onNote(frame)` what happened in the room.
   * `open(url)` makes a WebSocket; `clock` has the four timer functions and `now`. `room` may be set to what sits in the
   * page's room: it hears { opened(), closed(), heard(frame) }.
   */
  constructor(url, { open = (address) => new WebSocket(address), clock = systemClock, random = Math.random, ...hears } = {}) {
    Object.assign(this, { url, open, clock, random })
    this.onState = hears.onState ?? (() => {})
    this.onError = hears.onError ?? (() => {})
    this.onRights = hears.onRights ?? (() => {})
    this.onNote = hears.onNote ?? (() => {})
    this.room = null
    this.watched = new Map() // run -> { onFrame, after, acked }
    this.cancels = new Set()
    this.failures = 0
    this.state = "waiting"
  }

  connect() {
    this.clock.clearTimeout(this.retry)
    this.#enter("connecting")
    this.socket = this.open(this.url)
    this.socket.onopen = () => this.#opened()
    this.socket.onmessage = (event) => this.#heard(JSON.parse(event.data))
    this.socket.onclose = (event) => this.#closed(event.code)
  }

  /** Follows a run. `onFrame` returns the id of the last frame that was applied, or null to begin again. */
  watch(run, onFrame, after = null) {
    this.watched.set(run, { onFrame, after, acked: after })
    this.send({ op: "watch", run, after })
  }

  unwatch(run) {
    if (this.watched.delete(run)) this.send({ op: "unwatch", run })
  }

  /** Asks to stop a run; kept until there is a connection to ask over. */
  cancel(run) {
    if (!this.send({ op: "cancel", run })) this.cancels.add(run)
  }

  /** The browser says that there is no network: waits for it without waiting for the line to be found dead. */
  drop() {
    if (this.state === "open") this.#close()
  }

  /** Connects without waiting any longer, for example when the browser is online again. */
  hurry() {
    if (this.state === "waiting") this.connect()
  }

  #opened() {
    this.#enter("open")
    this.heardAt = this.clock.now()
    for (const [run, watcher] of this.watched) this.send({ op: "watch", run, after: watcher.after })
    for (const run of this.cancels) this.send({ op: "cancel", run })
    this.cancels.clear()
    this.room?.opened()
    this.acks = this.clock.setInterval(() => this.#acknowledge(), ACK_EVERY)
    this.pings = this.clock.setInterval(() => this.#ping(), PING_EVERY)
  }

  #heard(frame) {
    this.failures = 0 // not at open: a server that accepts and closes at once must not be hammered
    this.heardAt = this.clock.now()
    const watcher = this.watched.get(frame.run)
    if (!watcher) {
      // The page's own lost access is told by the close that follows.
      if (frame.op === "error" && frame.code !== "access_lost") this.onError(frame)
      if (frame.op === "rights") this.onRights(frame)
      if (frame.op === "note") this.onNote(frame)
      if (OF_ROOM.has(frame.op)) this.room?.heard(frame)
      return
    }
    const after = watcher.onFrame(frame)
    if (after === null && watcher.after !== null) this.send({ op: "watch", run: frame.run, after: null })
    watcher.after = after
  }

  #closed(code) {
    this.clock.clearInterval(this.acks)
    this.clock.clearInterval(this.pings)
    if (this.state === "open") this.room?.closed()
    if (CLOSED_FOR_GOOD[code]) return this.#enter(CLOSED_FOR_GOOD[code])
    this.#enter("waiting")
    this.retry = this.clock.setTimeout(() => this.connect(), this.#wait(code))
  }

  /** A dead line may take minutes to close: what it still says is not heard any more. */
  #close() {
    const { socket } = this
    socket.onmessage = socket.onclose = null
    socket.close()
    this.#closed()
  }

  /** Exponential back-off with jitter, so that a restarted server is not met by everybody at once. */
  #wait(code) {
    const first = AT_ONCE.has(code) && this.failures === 0
    const step = code === 4429 ? LONGEST_WAIT : Math.min(LONGEST_WAIT, 500 * 2 ** this.failures)
    this.failures += 1
    return (first ? 300 : step) * (0.5 + this.random())
  }

  #acknowledge() {
    for (const [run, watcher] of this.watched) {
      if (watcher.after === watcher.acked || watcher.after === null) continue
      this.send({ op: "ack", run, id: watcher.after })
      watcher.acked = watcher.after
    }
  }

  #ping() {
    if (this.clock.now() - this.heardAt > SILENT_FOR) return this.#close()
    this.send({ op: "ping" })
  }

  /** Sends a frame if there is a connection; returns whether there is. */
  send(frame) {
    if (this.state !== "open") return false
    this.socket.send(JSON.stringify(frame))
    return true
  }

  #enter(state) {
    this.state = state
    this.onState(state)
  }
}

const systemClock = {
  now: () => performance.now(),
  setTimeout: (action, delay) => setTimeout(action, delay),
  clearTimeout: (timer) => clearTimeout(timer),
  setInterval: (action, delay) => setInterval(action, delay),
  clearInterval: (timer) => clearInterval(timer),
}

/** The websocket address of a path of this page's own server. */
export function socketUrl(path, location) {
  const url = new URL(path, location.href)
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:"
  return url.href
}
