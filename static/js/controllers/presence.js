// The faces of everybody in the room, in the head of the page, and the list behind them.

import { byId, element, fromTemplate, putChildren, setText } from "../lib/dom.js";
import { colourOf, doingWords, initialsOf, peopleOf } from "../models/people.js";
import { PresenceTalk } from "../models/presence_talk.js";

const FACES = 4 // in the head; the others are a number

export class Presence extends EventTarget {
  /**
   * `me()` is this page's own member, `wordsOf(name)` names a box of this page. Sends "go" ({ text }) when somebody's box
   * is wanted, and "follow" ({ seat }) or "present" when these are pressed.
   */
  constructor({ room, me, wordsOf }) {
    super()
    Object.assign(this, { room, me, wordsOf, lines: new Map() })
    this.talk = new PresenceTalk({ speak: (text) => (byId("presence-words").textContent = text) })
    this.list = byId("people-list")
    byId("people").addEventListener("toggle", () => this.#open())
    this.present = byId("present") // a comparison has nothing to follow
    this.present?.addEventListener("click", () => this.#send("present"))
    this.list.addEventListener("click", ({ target }) => this.#click(target))
    room.addEventListener("people", () => this.draw())
  }

  draw() {
    const people = peopleOf([...this.room.people.values()], this.me())
    const others = people.filter(({ isMe }) => !isMe)
    this.#drawFaces(people)
    if (byId("people").matches(":popover-open")) this.#drawList(people)
    this.talk.hear(this.room.isHere ? others.map(({ id, name, text, away }) => ({ id, name, place: away ? "" : this.wordsOf(text) })) : null)
  }

  /** The list hangs under the faces, as far as the window lets it. */
  #open() {
    const { right } = byId("people-button").getBoundingClientRect()
    byId("people").style.right = `${Math.max(8, Math.min(window.innerWidth - right, window.innerWidth - byId("people").offsetWidth - 8))}px`
    this.draw()
  }

  #drawFaces(people) {
    const isAlone = people.length === 1 && people[0].pages === 1
    byId("people-button").hidden = isAlone
    if (isAlone) byId("people").hidePopover()
    const shown = people.length > FACES ? people.slice(0, FACES - 1) : people
    const key = JSON.stringify(people.map(({ id, name, away, pages }) => [id, name, away, pages]))
    if (key === this.drawn) return
    this.drawn = key
    const rest = people.length - shown.length
    byId("faces").replaceChildren(...shown.map(faceOf), ...(rest ? [element("span", { class: "face more", text: `+${rest}` })] : []))
    byId("people-count").textContent = isAlone ? "" : `People here: ${people.map(({ name, isMe }) => (isMe ? "you" : name)).join(", ")}`
    byId("faces").dataset.people = people.length
  }

  #drawList(people) {
    const known = new Set(people.map(({ id }) => id))
    for (const id of this.lines.keys()) if (!known.has(id)) this.lines.delete(id)
    putChildren(this.list, people.map((person) => this.#line(person)))
    if (!this.present) return
    const { presents } = people[0]
    this.present.setAttribute("aria-pressed", String(Boolean(presents)))
    byId("present-words").textContent = presents ? "Stop presenting" : "Present: others can follow what I look at"
  }

  #line(person) {
    if (!this.lines.has(person.id)) this.lines.set(person.id, fromTemplate("person-template"))
    const line = this.lines.get(person.id)
    const part = (name) => line.querySelector(`[data-part="${name}"]`)
    const place = this.wordsOf(person.text)
    const say = (name, text) => setText(part(name), text)
    line.toggleAttribute("data-away", person.away)
    part("face").replaceWith(faceOf(person))
    say("name", person.isMe ? `${person.name} (you)` : person.name)
    say("doing", doingWords(person, place))
    const go = part("go")
    Object.assign(go, { hidden: !place || person.isMe })
    go.dataset.text = person.text
    go.setAttribute("aria-label", `Go to ${person.name}, in ${place}`)
    const follow = part("follow")
    Object.assign(follow, { hidden: !person.presents || person.isMe })
    follow.dataset.seat = person.presents ?? ""
    follow.setAttribute("aria-label", `Follow ${person.name}`)
    return line
  }

  #click(target) {
    const go = target.closest('[data-part="go"]')
    const follow = target.closest('[data-part="follow"]')
    if (go || follow) byId("people").hidePopover()
    if (go) this.#send("go", { text: go.dataset.text })
    if (follow) this.#send("follow", { seat: follow.dataset.seat })
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}

function faceOf(person) {
  const { name, away, pages } = person
  const face = element("span", { class: "face", "data-colour": colourOf(person), "data-part": "face", title: name, text: initialsOf(name) })
  face.toggleAttribute("data-away", away)
  if (pages > 1) face.append(element("span", { class: "face-pages", text: pages }))
  return face
}
