// Where others are: an outline with their names around the box they are in, and inside a text their cursor and what they
// have selected. Only boxes that somebody else is in have anything of it.

import { element } from "../lib/dom.js";
import { grouped } from "../lib/grouped.js";
import { putOver, TextLayer } from "../lib/text_layer.js";
import { caretRanges } from "../models/caret_ranges.js";
import { isSame } from "../models/draft_merge.js";
import { colourOf } from "../models/people.js";

export class Carets {
  /** `places` finds boxes by name, `room` knows where a place in a text is now, `draft` tells when texts change. */
  constructor({ room, places, draft }) {
    Object.assign(this, { room, places, covers: new Map(), others: [] }) // name -> Cover
    this.sizes = new ResizeObserver(() => this.#soon())
    for (const kind of ["change", "replace"]) draft.addEventListener(kind, () => this.#soon())
    document.addEventListener("toggle", () => this.#soon(), { capture: true }) // folds
    window.addEventListener("resize", () => this.#soon())
  }

  /** `others` are members of the room; this page's own person may be among them, at another page. */
  show(others) {
    this.others = others.filter(({ at, away }) => at?.text && !away)
    this.#soon()
  }

  #soon() {
    this.frame ??= requestAnimationFrame(() => this.#draw())
  }

  #draw() {
    this.frame = null
    const byText = grouped(this.others, ({ at }) => at.text)
    for (const [name, cover] of this.covers) if (!byText.has(name)) this.#drop(name, cover)
    for (const [name, members] of byText) this.#cover(name, members)
  }

  #cover(name, members) {
    const box = this.places.find(name)
    const known = this.covers.get(name)
    if (known && known.box !== box) this.#drop(name, known)
    if (!box || !box.parentElement) return
    if (!this.covers.has(name)) {
      this.covers.set(name, new Cover(box))
      this.sizes.observe(box)
    }
    this.covers.get(name).draw(members.map((member) => this.#markOf(member)))
  }

  #drop(name, cover) {
    this.sizes.unobserve(cover.box)
    cover.remove()
    this.covers.delete(name)
  }

  #markOf({ user, at }) {
    return { name: user.name, colour: colourOf(user), anchor: this.#offset(at.anchor), head: this.#offset(at.head) }
  }

  /** Where `place` is now; null for one that is not here yet, or that is nonsense: others can send anything. */
  #offset(place) {
    try {
      return place ? this.room.document.offset(JSON.parse(place)) : null
    } catch {
      return null
    }
  }
}

class Cover {
  constructor(box) {
    this.box = box
    this.root = element("div", { class: "others", "aria-hidden": "true" })
    this.names = element("div", { class: "others-names" })
    this.root.append(this.names)
    box.parentElement.classList.add("others-ground")
    box.after(this.root)
    if (box.matches("[data-shared]")) this.layer = new TextLayer(box)
  }

  remove() {
    this.root.remove()
    this.layer?.remove()
  }

  /** `marks` are [{ name, colour, anchor, head }]. */
  draw(marks) {
    const { box, root, layer } = this
    putOver(box, root)
    root.hidden = box.offsetWidth === 0
    this.#name(marks)
    if (!layer) return
    const ranges = caretRanges(marks, box.value.length)
    layer.show(ranges).forEach((mark, index) => (mark.dataset.colour = ranges[index].colour))
  }

  /** People come and go more seldom than texts change. */
  #name(marks) {
    const people = marks.map(({ name, colour }) => ({ name, colour }))
    if (isSame(people, this.named)) return
    this.named = people
    this.root.dataset.colour = people[0].colour
    this.names.replaceChildren(...people.map(({ name, colour }) => element("span", { class: "others-name", "data-colour": colour, text: name })))
  }
}
