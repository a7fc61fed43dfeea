// Follow me: the note at the foot of the page that offers, shows and ends it, and the steps behind whoever presents.

import { byId, setText } from "../lib/dom.js";
import { Following } from "../models/following.js";

const OWN_ACTS = ["pointerdown", "keydown", "wheel", "touchmove"]
const NO_KEYS = new Set(["Control", "Meta", "Alt", "Shift"])
const NOTE = 8000 // ms that the end of following is told

export class FollowMe {
  /** `here` are this page's whereabouts; `go` has a function for every kind of step: { panel, run, token, top, text }. */
  constructor({ room, here, go }) {
    Object.assign(this, { room, here, go, following: new Following() })
    const { following } = this
    following.addEventListener("change", () => this.#draw())
    following.addEventListener("go", ({ detail }) => this.#step(detail.steps))
    room.addEventListener("people", ({ detail }) => following.meet(detail.members, room.seat))
    byId("follow-act").addEventListener("click", () => this.#act())
    byId("follow-close").addEventListener("click", () => following.refuse())
    for (const act of OWN_ACTS) document.addEventListener(act, (event) => this.#ownAct(event), { capture: true, passive: true })
  }

  follow(seat) {
    this.following.follow(seat)
  }

  /** Begins or ends presenting. */
  present() {
    const presents = !this.following.presents
    if (presents) this.#stop(() => "")
    this.following.present(presents)
    this.here.set({ presents })
  }

  #act() {
    const { act, seat } = this.following.note
    if (act === "stop") this.#stop((name) => `You no longer follow ${name}.`)
    if (act === "present") this.present()
    if (act === "follow") this.follow(seat)
  }

  /** Whoever takes the wheel has it. */
  #ownAct(event) {
    if (!event.isTrusted || NO_KEYS.has(event.key) || byId("follow-note").contains(event.target)) return
    this.#stop((name) => `You took over, so you no longer follow ${name}.`)
  }

  #stop(words) {
    this.following.stop(words)
    clearTimeout(this.timer)
    if (this.following.ended) this.timer = setTimeout(() => this.following.refuse(), NOTE)
  }

  async #step(steps) {
    const turn = (this.turn = {})
    for (const kind of ["panel", "run", "token", "top", "text"]) {
      if (kind in steps && turn === this.turn && this.following.leader) await this.go[kind](steps[kind], steps)
    }
  }

  #draw() {
    const { note, leader } = this.following
    const follows = leader?.seat ?? null
    if (follows !== this.here.now.follows) this.here.set({ follows })
    byId("follow-note").hidden = note === null
    if (note === null) return
    setText(byId("follow-words"), note.words)
    byId("follow-act").textContent = note.label
    byId("follow-act").classList.toggle("btn-primary", note.act === "follow")
    byId("follow-close").hidden = note.act !== "follow"
  }
}
