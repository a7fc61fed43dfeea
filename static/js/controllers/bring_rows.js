// Inputs from a spreadsheet or a file: the columns that are named as fields go to them, others by their order.

import { byId } from "../lib/dom.js";
import { debounce, pause } from "../lib/timing.js";
import { isHeader, inputsOf } from "../models/brought_rows.js";
import { readTable } from "../models/table_reader.js";

export class BringRows {
  constructor(board) {
    Object.assign(this, { board, table: null })
    this.dialog = byId("bring")
    this.text = byId("bring-text")
    this.header = byId("bring-header")
    byId("bring-rows").addEventListener("click", () => this.open())
    byId("bring-file").addEventListener("change", ({ target }) => this.#readFile(target))
    this.text.addEventListener("input", debounce(() => this.#read(this.text.value), 200))
    this.header.addEventListener("change", () => this.#show())
    byId("bring-go").addEventListener("click", () => this.#bring())
    this.dialog.addEventListener("keydown", (event) => event.stopPropagation()) // Esc closes this, and stops no run
  }

  open(text = "") {
    this.text.value = text
    this.text.placeholder = this.board.fields.join(",")
    this.#read(text)
    if (!this.dialog.open) this.dialog.showModal()
    this.text.focus()
  }

  async #readFile(box) {
    const [file] = box.files
    box.value = "" // the same file again is a choice, too
    if (file) this.#read(await file.text())
  }

  async #read(text) {
    this.table = text.trim() ? await readTable(text, { papa: globalThis.Papa, pause }) : null
    this.header.checked = this.table !== null && isHeader(this.table, this.board.fields)
    this.header.disabled = this.table?.names != null
    this.#show()
  }

  #show() {
    const inputs = this.#inputs()
    byId("bring-go").disabled = inputs.length === 0
    const room = `${inputs.length} input${inputs.length === 1 ? "" : "s"}`
    byId("bring-state").textContent = inputs.length ? [`${room}.`, ...this.table.notes].join(" ") : ""
  }

  #inputs() {
    return this.table ? inputsOf(this.table, this.board.fields, this.header.checked) : []
  }

  #bring() {
    const left = this.board.bringRows(this.#inputs())
    if (!left) return this.dialog.close()
    byId("bring-state").textContent = `A comparison holds ${this.board.limits.rows} inputs: ${left} had no room.`
    byId("bring-go").disabled = true
  }
}
