// The examples as a grid: rows are examples, columns are fields and the output. Edits go to the draft.

import { byId, fromTemplate, putChildren, say } from "../lib/dom.js";
import { keepingTheCursor, showText } from "./boxes.js";
import { connectDragging } from "./drag_rows.js";
import { drawHead } from "./example_columns.js";

const MANY = 100 // rows from which the browser may leave out those it does not show

export class ExampleGrid {
  /** `edits` are the undoable edits of the same draft. */
  constructor(draft, edits) {
    Object.assign(this, { draft, edits, made: new Map() }) // id -> row
    this.rows = byId("grid-rows")
    byId("add-example").addEventListener("click", () => this.add())
    byId("add-field").addEventListener("click", () => this.#addField())
    this.rows.addEventListener("keydown", (event) => this.#moveByEnter(event))
    connectDragging(this.rows, (id, to) => this.#move(id, to))
    draft.addEventListener("replace", ({ detail }) => this.#follow(detail?.isNews))
    draft.addEventListener("change", () => this.#keepUp())
    edits.addEventListener("edited", () => this.draw())
    this.draw()
  }

  /** Draws what changed: rows of examples that are still there stay as they are, with focus and scroll. */
  draw() {
    const key = JSON.stringify(this.draft.columns)
    if (key !== this.drawn) {
      this.made.clear()
      // An undo from before a column got another name would bring the old name back.
      drawHead(this.draft, { removed: (name) => this.edits.removeField(name), renamed: () => this.edits.forget() })
    }
    this.drawn = key
    const rows = this.draft.spec.examples.map((example) => this.#rowOf(example))
    this.made = new Map(rows.map((row) => [row.dataset.id, row]))
    putChildren(this.rows, rows)
    for (const row of rows) this.#fill(row)
    this.#drawState()
  }

  /** Adds an example with `content` at the end and puts the cursor into it. */
  add(content) {
    const example = this.draft.addExample(content)
    if (!example) return this.#sayFull()
    this.rows.append(this.#rowOf(example))
    this.#fill(this.row(example.id))
    this.#drawState()
    this.row(example.id).querySelector("textarea").focus()
  }

  row(id) {
    return this.made.get(id)
  }

  /** How to find the box or button again that is `held` now, if it is in a row. */
  #finder(held) {
    const row = held.closest("#grid-rows [data-id]")
    if (!row) return null
    const parts = (one) => [...(one?.querySelectorAll("textarea, button, input") ?? [])]
    const place = parts(row).indexOf(held)
    return () => parts(this.row(row.dataset.id))[place]
  }

  #rowOf(example) {
    const known = this.made.get(example.id)
    if (known?.example === example) return known
    const row = this.#makeRow(example)
    row.example = example
    this.made.set(example.id, row)
    this.state = null // the new row is still without marks
    return row
  }

  #makeRow(example) {
    const row = fromTemplate("example-template")
    row.dataset.id = example.id
    const tokens = row.querySelector("[data-tokens]")
    const fields = this.draft.spec.fields.length
    this.draft.columns.forEach((name, index) => {
      const cell = fromTemplate("value-template")
      cell.querySelector(".cell-name").textContent = name
      const area = cell.querySelector("textarea")
      area.dataset.name = name
      area.addEventListener("input", () => this.draft.change(() => this.#write(example, index, area.value)))
      cell.classList.toggle("output", index === fields)
      tokens.before(cell)
    })
    this.#connectRow(row, example)
    return row
  }

  #write(example, column, text) {
    if (column < this.draft.spec.fields.length) example.values[this.draft.spec.fields[column]] = text
    else example.output = text
  }

  /** Writes the example's texts into its boxes, where they differ. */
  #fill(row) {
    const { example } = row
    const texts = [...this.draft.spec.fields.map((field) => example.values[field] ?? ""), example.output]
    row.querySelectorAll("textarea").forEach((area, column) => showText(area, texts[column]))
    row.querySelector("[data-on]").checked = example.on
  }

  #connectRow(row, example) {
    const on = (name, action) => row.querySelector(name).addEventListener("click", action)
    const place = () => this.draft.spec.examples.indexOf(example)
    const box = row.querySelector("[data-on]")
    box.addEventListener("change", () => this.draft.change(() => (example.on = box.checked)))
    const keys = {
      ArrowUp: () => this.#move(example.id, place() - 1),
      ArrowDown: () => this.#move(example.id, place() + 1),
      d: () => this.#duplicate(example.id),
      Delete: () => this.#remove(example.id),
      Backspace: () => this.#remove(example.id),
    }
    on("[data-up]", keys.ArrowUp)
    on("[data-down]", keys.ArrowDown)
    on("[data-duplicate]", keys.d)
    on("[data-delete]", keys.Delete)
    row.querySelector("[data-handle]").addEventListener("keydown", (event) => {
      const command = event.ctrlKey || event.metaKey || event.altKey
      if (command || !keys[event.key]) return
      event.preventDefault()
      keys[event.key]()
    })
  }

  #duplicate(id) {
    const copy = this.draft.duplicateExample(id)
    if (!copy) return this.#sayFull()
    this.row(id).after(this.#rowOf(copy))
    this.#fill(this.row(copy.id))
    this.#drawState()
    this.#handle(copy.id).focus()
  }

  #remove(id) {
    const row = this.row(id)
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.dataset.id
    this.edits.removeExample(id)
    const target = next ? this.#handle(next) : byId("add-example")
    target.focus()
  }

  #move(id, to) {
    this.draft.moveExample(id, to)
    const row = this.row(id)
    const { examples } = this.draft.spec
    const after = this.row(examples[examples.indexOf(row.example) + 1]?.id) ?? null
    const held = row.contains(document.activeElement) ? document.activeElement : null
    if (row.nextElementSibling !== after) this.rows.insertBefore(row, after)
    held?.focus() // moving a row in the document takes the focus away
    held?.scrollIntoView({ block: "nearest" })
    this.#drawState()
  }

  #handle(id) {
    return this.row(id).querySelector("[data-handle]")
  }

  #addField() {
    const fault = this.draft.addField()
    say(byId("examples-fault"), fault)
    if (fault) return
    const boxes = byId("grid-head").querySelectorAll(".column-name")
    boxes[boxes.length - 2].select()
  }

  /** Redraws what was exchanged, by this person or by others in the room. */
  #follow(isNews) {
    const held = document.activeElement.closest("#grid-rows [data-id]")
    keepingTheCursor((box) => this.#finder(box), () => this.draw())
    if (isNews && held && !this.draft.example(held.dataset.id)) this.edits.offerBack(held.example)
  }

  /** Redraws when a field was added elsewhere, and keeps marks and numbers right. */
  #keepUp() {
    if (this.drawn !== JSON.stringify(this.draft.columns)) this.draw()
    else this.#drawState()
  }

  #sayFull() {
    const most = this.draft.limits.examples.toLocaleString("en")
    say(byId("examples-fault"), `The grid holds ${most} examples, and that many are there. Delete some first.`)
  }

  /** Enter goes down like in a spreadsheet and makes a new row after the last; Shift+Enter is a line break. */
  #moveByEnter(event) {
    const area = event.target
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || event.isComposing) return
    if (!area.matches("textarea") || area.readOnly) return
    event.preventDefault()
    const row = area.closest(".grid-row")
    if (!row.nextElementSibling) return this.add()
    const column = [...row.querySelectorAll("textarea")].indexOf(area)
    row.nextElementSibling.querySelectorAll("textarea")[column].focus()
  }

  /** What depends on the place of a row: which are placed, and their names for screen readers. */
  #drawState() {
    const { examples } = this.draft.spec
    const key = [this.drawn, this.draft.spec.shots, ...examples.map(({ id, on }) => id + on)].join()
    if (key === this.state) return // typing changes none of it
    this.state = key
    if (this.draft.room > 0) say(byId("examples-fault"), "")
    byId("grid-empty").hidden = examples.length > 0
    this.rows.classList.toggle("many", examples.length > MANY)
    const placed = new Set(this.draft.placed)
    examples.forEach((example, index) => this.#drawRowState(this.row(example.id), example, index + 1, placed.has(example)))
  }

  #drawRowState(row, { on }, number, placed) {
    const state = [number, on, placed].join()
    if (!row || row.state === state) return // a missing row is just being added
    row.state = state
    const box = row.querySelector("[data-on]")
    row.classList.toggle("off", !placed)
    box.setAttribute("aria-label", on && !placed ? `Use example ${number}: on, but beyond the shots` : `Use example ${number}`)
    box.title = on && !placed ? "On, but the number of shots ends before it" : "On: this example is placed in the prompt"
    row.querySelector("[data-handle]").setAttribute("aria-label", `Example ${number}: arrow keys move, D duplicates, Delete removes`)
    for (const area of row.querySelectorAll("textarea")) area.setAttribute("aria-label", `Example ${number}, ${area.dataset.name}`)
  }
}
