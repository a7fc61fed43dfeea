// This page's seat in the room of an experiment: who else is here and where they are. Knows sockets, not the page.
// A comparison's page only visits the room; that of the experiment also edits in it (room.js).

export class Visit extends EventTarget {
  /**
   * Sends "people" ({ members }) with everybody else, whenever somebody comes, moves or leaves, and when the line is cut, and
   * "arrived" with every seat: at first, and when news may have been missed.
   */
  constructor({ socket }) {
    super()
    Object.assign(this, { socket, people: new Map(), seat: null, isHere: false, cursor: null }) // seat -> member
    socket.room = this
  }

  /** There is a connection: take the seat. */
  opened() {
    this.socket.send({ op: "join" })
  }

  closed() {
    this.isHere = false
    this.people.clear()
    this.tellPeople()
  }

  heard(frame) {
    if (frame.op === "joined") this.sit(frame)
    if (frame.op === "presence") this.#meet(frame)
  }

  /** Shows others where this person is: { at: { text, anchor, head }, away, view, presents, follows }. */
  show(cursor) {
    this.cursor = cursor
    if (this.isHere) this.socket.send({ op: "cursor", ...cursor })
  }

  /** The server gave a seat, or the same one again. */
  sit({ seat, members }) {
    Object.assign(this, { seat, isHere: true, people: new Map(members.map((member) => [member.seat, member])) })
    if (this.cursor) this.show(this.cursor)
    this.tellPeople()
    this.dispatchEvent(new CustomEvent("arrived"))
  }

  tellPeople() {
    this.dispatchEvent(new CustomEvent("people", { detail: { members: [...this.people.values()] } }))
  }

  #meet({ members, gone }) {
    for (const seat of gone) this.people.delete(seat)
    for (const member of members) this.people.set(member.seat, member)
    this.tellPeople()
  }
}
