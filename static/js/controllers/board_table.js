// The board as a table: columns are variants, rows are inputs. Draws what changed and leaves the rest alone, so that focus,
// selection and scroll positions stay.

import { byId, fromTemplate, putChildren } from "../lib/dom.js";
import { inNextFrame } from "../lib/frames.js";
import { asksOf } from "../models/asks.js";
import { CellDiff } from "../models/cell_diff.js";
import { isAnswer } from "../models/cells.js";
import { BoardCell } from "./board_cell.js";
import { BoardHead } from "./board_head.js";
import { fillFields, makeFields } from "./board_fields.js";

export class BoardTable {
  /** `view` has `diff` (on or off) and `isOpen(row)`; `titleOf` names a model. */
  constructor({ board, cells, verdicts, view, titleOf }) {
    Object.assign(this, { board, cells, verdicts, view, made: new Map(), diffs: new CellDiff(), waiting: false, touched: new Set() })
    this.saidOf = () => 0 // how much has been said about a run
    this.root = byId("board")
    this.body = byId("board-rows")
    this.head = new BoardHead({ board, cells, titleOf })
    board.addEventListener("change", ({ detail }) => this.soon(detail.row))
    board.addEventListener("replace", () => this.soon())
  }

  /** Draws with the next frame: one row while somebody types in it, else all. */
  soon(row = null) {
    this.touched.add(row)
    if (this.waiting) return
    this.waiting = true
    inNextFrame(() => this.#drawTouched(), () => {})
  }

  #drawTouched() {
    if (!this.waiting) return // all was drawn meanwhile
    const places = new Map(this.board.rows.map(({ key }, index) => [key, index]))
    if (this.touched.has(null) || [...this.touched].some((key) => !this.made.has(key))) return this.draw()
    for (const key of this.touched) this.#drawRow(this.made.get(key), places.get(key))
    this.head.draw()
    this.#rest()
  }

  #rest() {
    this.waiting = false
    this.touched.clear()
  }

  draw() {
    this.#rest()
    const { board } = this
    this.root.style.setProperty("--columns", board.columns.length)
    this.head.draw()
    const rows = board.rows.map((row) => this.#rowOf(row))
    this.made = new Map(rows.map((made) => [made.row.key, made]))
    putChildren(this.body, rows.map(({ root }) => root))
    rows.forEach((made, index) => this.#drawRow(made, index))
  }

  cell(column, row) {
    return this.made.get(row)?.cells.get(column)
  }

  /** The rows as the filters look at them, with the element of each. */
  rows() {
    return [...this.made.values()].map(({ root, row, cells }) => ({
      root,
      cells: this.board.columns.map((column) => ({
        entries: this.#entriesOf(column, row),
        shown: cells.get(column.key).entry,
        isBaseline: column === this.board.baseline,
      })),
    }))
  }

  tick(now) {
    for (const { column, row } of this.cells.live) this.cell(column, row)?.tick(now)
  }

  #rowOf(row) {
    const known = this.made.get(row.key)
    if (known) return Object.assign(known, { row })
    const root = fromTemplate("board-row-template")
    root.dataset.row = row.key
    return { row, root, cells: new Map(), fields: "" }
  }

  #drawRow(made, index) {
    const { board } = this
    const { row, root } = made
    const number = index + 1
    root.querySelector("[data-number]").textContent = String(number)
    this.#drawFields(made, number)
    const open = this.view.isOpen(row.key)
    root.toggleAttribute("data-open", open)
    root.querySelector('[data-act="open-row"]').setAttribute("aria-expanded", String(open))
    made.cells = new Map(board.columns.map(({ key }) => [key, made.cells.get(key) ?? new BoardCell(key, row.key)]))
    putChildren(root, [root.querySelector(".board-input"), ...[...made.cells.values()].map((cell) => cell.root)])
    const { baseline } = board
    const base = made.cells.get(baseline.key)
    for (const column of [baseline, ...board.columns.filter((one) => one !== baseline)]) {
      const cell = made.cells.get(column.key)
      cell.show(this.#stateOf(column, row, cell, base, number))
      this.#drawOwnInput(cell, column, row, number)
    }
  }

  #stateOf(column, row, cell, baseCell, number) {
    const { board, verdicts } = this
    const isBaseline = cell === baseCell
    const base = isBaseline ? null : baseCell.entry
    const name = `Answer of column ${board.letter(column.key)} to input ${number}`
    const run = (entry) => entry?.id ?? ""
    const table = this
    return {
      entries: this.#entriesOf(column, row),
      asked: asksOf(column.spec, board.inputOf(column, row)),
      base,
      isBaseline,
      diff: this.view.diff && base && isAnswer(base) ? this.#diffFrom(base.text) : null,
      get vote() {
        return base ? verdicts.voteOn(run(cell.entry), base.id) : null
      },
      get rating() {
        return verdicts.words(run(cell.entry))
      },
      get said() {
        return table.saidOf(run(cell.entry))
      },
      name,
      refusal: this.cells.refusalOf(column.key, row.key),
    }
  }

  #entriesOf(column, row) {
    return this.cells.of(column.key, row.key, this.board.samplesOf(column))
  }

  #diffFrom(text) {
    return { key: (entry) => `${entry.text}\n\n${text}`, pieces: (entry) => this.diffs.of(text.trim(), entry.text.trim()) }
  }

  #drawFields(made, number) {
    const { board } = this
    const place = made.root.querySelector("[data-fields]")
    const names = board.fields
    if (made.fields !== names.join("\n")) makeFields(place, names, (name) => `Input ${number}, ${name}`)
    made.fields = names.join("\n")
    fillFields(place, made.row.values)
  }

  /** While inputs are not linked, each cell has its own boxes. */
  #drawOwnInput(cell, column, row, number) {
    const place = cell.root.querySelector("[data-fields]")
    const names = this.board.isLinked("input") ? [] : column.spec.fields
    const key = names.join("\n")
    place.hidden = names.length === 0
    if (place.dataset.drawn !== key) makeFields(place, names, (name) => `Input ${number} of column ${this.board.letter(column.key)}, ${name}`)
    place.dataset.drawn = key
    if (names.length) fillFields(place, this.board.inputOf(column, row))
  }
}
