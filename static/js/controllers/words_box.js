// A box in which somebody writes to others: grows, offers names behind an @, and is sent with Ctrl or Cmd and Enter.

import { element } from "../lib/dom.js";
import { isPressed } from "../lib/keys.js";
import { uniqueId } from "../lib/unique.js";
import { calledIn, complete, matching, queryAt } from "../models/mentions.js";

export class WordsBox {
  /** `people()` are those who can be called; `send()` and `leave()` are what the keys ask for. */
  constructor(area, { people, send, leave }) {
    Object.assign(this, { area, people, send, leave, options: [], at: 0 })
    this.list = element("ul", { class: "name-list", role: "listbox", id: `names-${uniqueId()}`, "aria-label": "Members" })
    this.list.hidden = true
    area.after(this.list)
    area.setAttribute("aria-autocomplete", "list")
    area.setAttribute("aria-controls", this.list.id)
    area.addEventListener("input", () => this.#offer())
    area.addEventListener("click", () => this.#offer())
    area.addEventListener("blur", () => this.#close())
    area.addEventListener("keydown", (event) => this.#key(event))
    this.list.addEventListener("pointerdown", (event) => this.#press(event))
  }

  /** What is written, as the server takes it; null when there are no words. */
  get words() {
    const text = this.area.value.trim()
    return text ? { text, mentions: calledIn(text, this.people()) } : null
  }

  clear() {
    this.area.value = ""
    this.area.dispatchEvent(new Event("input", { bubbles: true }))
  }

  #key(event) {
    if (event.isComposing) return
    const acts = this.list.hidden ? {} : { ArrowDown: () => this.#move(1), ArrowUp: () => this.#move(-1), Enter: () => this.#take(), Tab: () => this.#take(), Escape: () => this.#close() }
    const act = isPressed(event, "Mod+Enter") ? this.send : (acts[event.key] ?? (event.key === "Escape" ? this.leave : null))
    if (!act) return
    event.preventDefault()
    event.stopPropagation()
    act()
  }

  #offer() {
    const { area } = this
    this.query = area.selectionStart === area.selectionEnd ? queryAt(area.value, area.selectionStart) : null
    this.options = this.query ? matching(this.people(), this.query.query) : []
    this.at = 0
    this.#draw()
  }

  #draw() {
    this.list.hidden = this.options.length === 0
    this.list.replaceChildren(...this.options.map(({ name }, index) => element("li", { role: "option", id: `${this.list.id}-${index}`, text: name, "aria-selected": String(index === this.at) })))
    if (this.list.hidden) this.area.removeAttribute("aria-activedescendant")
    else this.area.setAttribute("aria-activedescendant", `${this.list.id}-${this.at}`)
  }

  #move(by) {
    this.at = (this.at + by + this.options.length) % this.options.length
    this.#draw()
  }

  #take() {
    const { area, query } = this
    const { text, caret } = complete(area.value, area.selectionStart, query.from, this.options[this.at].name)
    area.value = text
    area.setSelectionRange(caret, caret)
    area.dispatchEvent(new Event("input", { bubbles: true })) // boxes grow by it
    this.#close()
  }

  #press(event) {
    event.preventDefault() // the box keeps the keyboard
    const option = event.target.closest("[role=option]")
    if (!option) return
    this.at = [...this.list.children].indexOf(option)
    this.#take()
  }

  #close() {
    this.options = []
    this.#draw()
  }
}
