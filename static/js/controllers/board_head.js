// The head of the board: what each column is, and what sets it apart from the baseline.

import { byId, fromTemplate, putChildren, say } from "../lib/dom.js";
import { asksOf } from "../models/asks.js";
import { differences, settingsLine, shotsLine } from "../models/column_words.js";
import { isStale } from "../models/cells.js";

export class BoardHead {
  constructor({ board, cells, titleOf }) {
    Object.assign(this, { board, cells, titleOf, made: new Map(), compared: new WeakMap() })
    this.place = byId("board-head")
  }

  draw() {
    const { board } = this
    const heads = board.columns.map((column) => [column.key, this.made.get(column.key) ?? this.#make(column)])
    this.made = new Map(heads)
    putChildren(this.place, [this.place.firstElementChild, ...this.made.values()])
    board.columns.forEach((column, index) => this.#show(this.made.get(column.key), column, index))
  }

  #make({ key }) {
    const root = fromTemplate("board-column-template")
    root.dataset.column = key
    const title = root.querySelector('[data-part="title"]')
    title.addEventListener("input", () => this.board.setColumnTitle(key, title.value))
    return root
  }

  #show(root, column, index) {
    const { board } = this
    const letter = board.letter(column.key)
    const isBaseline = column === board.baseline
    const write = (name, text) => {
      const place = root.querySelector(`[data-part="${name}"]`)
      if (place.textContent !== text) place.textContent = place.title = text
    }
    root.querySelector("[data-letter]").textContent = letter
    root.toggleAttribute("data-baseline", isBaseline)
    const title = root.querySelector('[data-part="title"]')
    title.setAttribute("aria-label", `Title of column ${letter}`)
    if (title.value !== column.title) title.value = column.title
    write("tag", this.#tagOf(column))
    write("about", `${this.titleOf(column.spec.model)} · ${shotsLine(column.spec)}`)
    write("settings", settingsLine(column.spec.settings))
    const said = isBaseline ? "the baseline: others are compared with it" : this.#differencesOf(column)
    say(root.querySelector('[data-part="difference"]'), said)
    this.#showActs(root, letter, index, isBaseline)
  }

  #showActs(root, letter, index, isBaseline) {
    const last = this.board.columns.length - 1
    root.querySelector(".column-acts").setAttribute("aria-label", `Column ${letter}`)
    const set = (name, property, value) => {
      const button = root.querySelector(`[data-act="${name}"]`)
      if (button) button[property] = value
    }
    set("move-left", "disabled", index === 0)
    set("move-right", "disabled", index === last)
    set("remove-column", "disabled", last === 0)
    set("baseline", "hidden", isBaseline)
    set("duplicate-column", "disabled", this.board.roomForColumns < 1)
  }

  /** The version that has answered last, if the column is still that. */
  #tagOf(column) {
    const { board } = this
    const entries = board.rows.flatMap((row) => this.cells.of(column.key, row.key, 1).map((entry) => ({ entry, row })))
    const ran = entries.filter(({ entry }) => entry.version)
    if (!ran.length) return ""
    const fresh = ran.find(({ entry, row }) => !isStale(entry, asksOf(column.spec, board.inputOf(column, row))))
    return fresh ? `v${fresh.entry.version}` : "edited"
  }

  #differencesOf({ spec }) {
    const base = this.board.baseline.spec
    const known = this.compared.get(spec)
    if (known?.base === base) return known.words
    const said = differences(base, spec, this.titleOf)
    const words = said.length ? said.join(" · ") : "the same as the baseline"
    this.compared.set(spec, { base, words })
    return words
  }
}
