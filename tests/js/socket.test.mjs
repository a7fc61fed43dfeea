import assert from "node:assert/strict"
import { test } from "node:test"

import { LiveSocket, socketUrl } from "../../static/js/lib/socket.js"
import { Clock } from "./clock.mjs"

class FakeSocket {
  sent = []
  send(text) {
    this.sent.push(JSON.parse(text))
  }
  close(code = 1006) {
    this.onclose?.({ code })
  }
  receive(frame) {
    this.onmessage({ data: JSON.stringify(frame) })
  }
  get ops() {
    return this.sent.map((frame) => frame.op)
  }
}

function line() {
  const clock = new Clock()
  const sockets = []
  const states = []
  const open = () => sockets[sockets.push(new FakeSocket()) - 1]
  const socket = new LiveSocket("ws://x/", { open, clock, random: () => 0.5, onState: (state) => states.push(state) })
  socket.connect()
  return { clock, sockets, states, socket, now: () => sockets.at(-1), opened: () => sockets.at(-1).onopen() }
}

test("runs watched before the connection are watched once it is there", () => {
  const { socket, now, opened } = line()
  socket.watch("r", () => null)
  assert.deepEqual(now().sent, [])
  opened()
  assert.deepEqual(now().sent, [{ op: "watch", run: "r", after: null }])
})

test("after a cut every run resumes behind its last frame", () => {
  const { socket, now, opened, clock, sockets } = line()
  opened()
  socket.watch("r", (frame) => frame.id)
  now().receive({ op: "delta", run: "r", id: "1-42" })
  now().close()
  clock.pass(2000)
  opened()
  assert.equal(sockets.length, 2)
  assert.deepEqual(now().sent, [{ op: "watch", run: "r", after: "1-42" }])
})

test("a watcher that lost its place begins again from nothing", () => {
  const { socket, now, opened } = line()
  opened()
  const answers = ["1-3", null]
  socket.watch("r", () => answers.shift())
  now().receive({ op: "delta", run: "r", id: "1-3" })
  now().receive({ op: "delta", run: "r", id: "2-9" })
  assert.deepEqual(now().sent.at(-1), { op: "watch", run: "r", after: null })
})

test("frames are acknowledged once a second, and only when there is news", () => {
  const { socket, now, opened, clock } = line()
  opened()
  socket.watch("r", (frame) => frame.id)
  now().receive({ op: "delta", run: "r", id: "1-1" })
  now().receive({ op: "delta", run: "r", id: "1-2" })
  clock.pass(3000)
  assert.deepEqual(now().sent.filter((frame) => frame.op === "ack"), [{ op: "ack", run: "r", id: "1-2" }])
})

test("waits grow with every failure up to a bound", () => {
  const { now, clock, sockets } = line()
  const gaps = []
  for (let round = 0; round < 8; round += 1) {
    const count = sockets.length
    const before = clock.now()
    now().close()
    while (sockets.length === count) clock.pass(50)
    gaps.push(clock.now() - before)
  }
  assert.ok(gaps[1] > gaps[0] && gaps[2] > gaps[1])
  assert.ok(Math.max(...gaps) <= 15050)
})

test("a server that accepts and closes at once is not hammered", () => {
  const { now, opened, clock, sockets } = line()
  for (let round = 0; round < 5; round += 1) {
    opened()
    now().close(1011)
    clock.pass(500)
  }
  assert.ok(sockets.length < 4, `${sockets.length} connections in 2.5 s`)
})

test("a draining server is left for the next one at once", () => {
  const { now, opened, clock, sockets } = line()
  opened()
  now().receive({ op: "pong" })
  now().close(4503)
  clock.pass(450)
  assert.equal(sockets.length, 2)
})

test("signed out means no more attempts", () => {
  const { now, opened, clock, sockets, states } = line()
  opened()
  now().close(4401)
  clock.pass(60000)
  assert.equal(sockets.length, 1)
  assert.equal(states.at(-1), "signed-out")
})

test("a stop that was asked for offline is sent with the connection", () => {
  const { socket, now, opened } = line()
  socket.cancel("r")
  opened()
  assert.deepEqual(now().sent, [{ op: "cancel", run: "r" }])
})

test("a silent line is given up, a line that answers is kept", () => {
  const { now, opened, clock, sockets } = line()
  opened()
  const first = now()
  for (let round = 0; round < 6; round += 1) {
    clock.pass(15000)
    first.receive({ op: "pong" })
  }
  assert.equal(sockets.length, 1)
  clock.pass(61000)
  assert.ok(sockets.length > 1)
})

test("an unwatched run hears nothing more", () => {
  const { socket, now, opened } = line()
  opened()
  let heard = 0
  socket.watch("r", () => ((heard += 1), "1-1"))
  socket.unwatch("r")
  now().receive({ op: "delta", run: "r", id: "1-1" })
  assert.equal(heard, 0)
  assert.deepEqual(now().ops, ["watch", "unwatch"])
})

test("the socket is on the page's own server, encrypted when the page is", () => {
  assert.equal(socketUrl("/ws/", { href: "https://a.example/experiments/1/" }), "wss://a.example/ws/")
  assert.equal(socketUrl("/ws/", { href: "http://a.example:8000/x?y#z" }), "ws://a.example:8000/ws/")
})

test("what the page may do is told to the page", () => {
  const told = []
  const { socket, now, opened } = line()
  socket.onRights = (frame) => told.push(frame.may_edit)
  opened()
  now().receive({ op: "rights", experiment: "e", may_run: true, may_edit: false })
  assert.deepEqual(told, [false])
})
