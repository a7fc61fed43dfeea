// The examples as a grid: rows are examples, columns are fields and the output. Edits go to the draft.

import { byId, element, fromTemplate, say } from "../lib/dom.js";
import { shotLabel } from "../models/draft.js";
import { grow } from "./autosize.js";
import { connectDragging } from "./drag_rows.js";

export class ExampleGrid {
  constructor(draft) {
    this.draft = draft
    this.head = byId("grid-head")
    this.rows = byId("grid-rows")
    byId("add-example").addEventListener("click", () => this.#add())
    byId("add-field").addEventListener("click", () => this.#addField())
    this.rows.addEventListener("keydown", (event) => this.#moveByEnter(event))
    connectDragging(this.rows, (id, to) => this.#move(id, to))
    draft.addEventListener("replace", () => this.draw())
    this.draw()
  }

  /** Writes the token count of every example that is placed; `counts.examples` follows the order of the shots. */
  show({ counts }) {
    const shares = [...counts.examples]
    for (const { id, on } of this.draft.spec.examples) {
      const count = on ? shares.shift() : undefined
      const cell = this.#row(id)?.querySelector("[data-tokens]")
      if (cell) cell.textContent = count ?? "–"
    }
  }

  draw() {
    this.#drawHead()
    this.rows.replaceChildren(...this.draft.spec.examples.map((example) => this.#makeRow(example)))
    for (const area of this.rows.querySelectorAll("textarea")) grow(area)
    this.#drawState()
  }

  #drawHead() {
    const { fields, output_name: output } = this.draft.spec
    byId("grid").style.setProperty("--fields", fields.length)
    const columns = fields.map((name) => this.#makeColumn(name))
    const corner = element("div", { role: "columnheader", class: "cell" })
    corner.append(element("span", { class: "visually-hidden", text: "Order and use" }))
    const tokens = element("div", { role: "columnheader", class: "cell tokens", text: "tokens" })
    const end = element("div", { role: "columnheader", class: "cell" })
    end.append(element("span", { class: "visually-hidden", text: "Actions" }))
    this.head.replaceChildren(corner, ...columns, this.#makeOutputColumn(output), tokens, end)
  }

  #makeColumn(name) {
    const cell = this.#nameCell(name, `Field ${name}`, (to) => this.draft.renameField(name, to))
    const remove = cell.querySelector("[data-remove]")
    remove.hidden = this.draft.spec.fields.length === 1
    remove.append(element("span", { class: "visually-hidden", text: `Remove the field ${name}` }))
    remove.title = `Remove the field ${name}`
    remove.addEventListener("click", () => this.#removeField(name))
    return cell
  }

  #makeOutputColumn(name) {
    const cell = this.#nameCell(name, "Name of the output", (to) => this.draft.renameOutput(to))
    cell.querySelector("[data-remove]").remove()
    cell.classList.add("output")
    return cell
  }

  #nameCell(name, label, renamed) {
    const cell = fromTemplate("column-template")
    const box = cell.querySelector("input")
    box.value = name
    box.setAttribute("aria-label", label)
    box.addEventListener("change", () => {
      const fault = renamed(box.value.trim())
      say(byId("examples-fault"), fault)
      if (fault) box.value = name
      else this.draw()
    })
    box.addEventListener("keydown", (event) => event.key === "Enter" && box.blur())
    return cell
  }

  #makeRow(example) {
    const row = fromTemplate("example-template")
    row.dataset.id = example.id
    const tokens = row.querySelector("[data-tokens]")
    for (const field of this.draft.spec.fields) {
      tokens.before(this.#valueCell(field, example.values[field] ?? "", (text) => (example.values[field] = text)))
    }
    const output = this.#valueCell(this.draft.spec.output_name, example.output, (text) => (example.output = text))
    output.classList.add("output")
    tokens.before(output)
    this.#connectRow(row, example)
    return row
  }

  #valueCell(name, text, write) {
    const cell = fromTemplate("value-template")
    const area = cell.querySelector("textarea")
    cell.querySelector(".cell-name").textContent = name
    area.dataset.name = name
    area.value = text
    area.addEventListener("input", () => this.draft.change(() => write(area.value)))
    return cell
  }

  #connectRow(row, example) {
    const on = (name, action) => row.querySelector(name).addEventListener("click", action)
    const place = () => this.draft.spec.examples.indexOf(example)
    const box = row.querySelector("[data-on]")
    box.checked = example.on
    box.addEventListener("change", () => this.#switch(example, box.checked))
    on("[data-up]", () => this.#move(example.id, place() - 1))
    on("[data-down]", () => this.#move(example.id, place() + 1))
    on("[data-delete]", () => this.#remove(example.id))
    row.querySelector("[data-handle]").addEventListener("keydown", (event) => {
      const act = { ArrowUp: () => this.#move(example.id, place() - 1), ArrowDown: () => this.#move(example.id, place() + 1) }
      const action = { ...act, Delete: () => this.#remove(example.id), Backspace: () => this.#remove(example.id) }[event.key]
      if (!action) return
      event.preventDefault()
      action()
      this.#row(example.id)?.querySelector("[data-handle]").focus()
    })
  }

  #switch(example, on) {
    this.draft.change(() => (example.on = on))
    this.#drawState()
  }

  #add() {
    const example = this.draft.addExample()
    this.rows.append(this.#makeRow(example))
    this.#drawState()
    this.#row(example.id).querySelector("textarea").focus()
  }

  #remove(id) {
    const row = this.#row(id)
    const next = row.nextElementSibling ?? row.previousElementSibling
    this.draft.removeExample(id)
    row.remove()
    this.#drawState()
    const target = next?.querySelector("[data-handle]") ?? byId("add-example")
    target.focus()
  }

  #move(id, to) {
    this.draft.moveExample(id, to)
    const row = this.#row(id)
    const order = this.draft.spec.examples.map((example) => this.#row(example.id))
    const after = order[order.indexOf(row) + 1] ?? null
    const held = row.contains(document.activeElement) ? document.activeElement : null
    if (row.nextElementSibling !== after) this.rows.insertBefore(row, after)
    held?.focus() // moving a row in the document takes the focus away
    this.#drawState()
  }

  #addField() {
    this.draft.addField()
    this.draw()
    const boxes = this.head.querySelectorAll(".column-name")
    boxes[boxes.length - 2].select()
  }

  #removeField(name) {
    this.draft.removeField(name)
    this.draw()
  }

  /** Enter goes down like in a spreadsheet and makes a new row after the last; Shift+Enter is a line break. */
  #moveByEnter(event) {
    const area = event.target
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || event.isComposing) return
    if (!area.matches("textarea")) return
    event.preventDefault()
    const row = area.closest(".grid-row")
    if (!row.nextElementSibling) return this.#add()
    const column = [...row.querySelectorAll("textarea")].indexOf(area)
    row.nextElementSibling.querySelectorAll("textarea")[column].focus()
  }

  #drawState() {
    const { examples } = this.draft.spec
    byId("shots").textContent = shotLabel(this.draft.shots, examples.length)
    byId("grid-empty").hidden = examples.length > 0
    examples.forEach((example, index) => {
      const row = this.#row(example.id)
      row.classList.toggle("off", !example.on)
      row.querySelector("[data-on]").setAttribute("aria-label", `Use example ${index + 1}`)
      row.querySelector("[data-handle]").setAttribute("aria-label", `Example ${index + 1}: arrow keys move, Delete removes`)
      for (const area of row.querySelectorAll("textarea")) area.setAttribute("aria-label", `Example ${index + 1}, ${area.dataset.name}`)
    })
  }

  #row(id) {
    return this.rows.querySelector(`[data-id="${CSS.escape(id)}"]`)
  }
}
