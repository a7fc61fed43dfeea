// Edits of the grid that take something away or bring much at once. The last one can be undone;
// what was typed meanwhile in other cells stays.

import { uniqueId } from "../lib/unique.js";

const AT_ONCE = 6 // rows that come together place no more shots than this by themselves

export class GridEdits extends EventTarget {
  /** Sends "edited" after each edit and after undo; `words` says what can be undone, or is "". */
  constructor(draft) {
    super()
    this.draft = draft
    this.words = ""
    draft.addEventListener("replace", ({ detail }) => detail?.isNews || this.forget())
  }

  removeExample(id) {
    const { spec } = this.draft
    const place = spec.examples.findIndex((example) => example.id === id)
    const [example] = spec.examples.slice(place, place + 1)
    const put = () => spec.examples.splice(place, 0, example)
    const take = () => (spec.examples = spec.examples.filter((one) => one !== example))
    this.#do(take, put, () => `Example ${place + 1} deleted.`)
  }

  /** Somebody else deleted `example` while it was written into here: it can be put back with all that is in it. */
  offerBack(example) {
    this.back = () => this.draft.spec.examples.push(example)
    this.words = "Somebody deleted the example you were writing in."
    this.dispatchEvent(new Event("edited"))
  }

  removeField(name) {
    const { spec } = this.draft
    const place = spec.fields.indexOf(name)
    const kept = this.draft.allValues().map((values) => [values, values[name]])
    const remove = () => {
      spec.fields = spec.fields.filter((field) => field !== name)
      for (const [values] of kept) delete values[name]
    }
    const back = () => {
      spec.fields.splice(place, 0, name)
      for (const [values, value] of kept) if (value !== undefined) values[name] = value
    }
    this.#do(remove, back, () => `Field ${name} removed.`)
  }

  /** Whether a block of `cells` has room in the grid if its corner goes to this row and column. */
  fits(cells, row, column) {
    const width = Math.max(...cells.map((line) => line.length))
    return column + width <= this.draft.columns.length && row + cells.length - this.draft.spec.examples.length <= this.draft.room
  }

  /** Writes `cells` (rows of texts) over the grid from this row and column on; rows are added as needed. */
  paste(cells, row, column) {
    const { spec, columns } = this.draft
    const missing = Math.max(0, row + cells.length - spec.examples.length)
    const added = Array.from({ length: missing }, () => ({ id: uniqueId(), values: {}, output: "", on: true }))
    const targets = [...spec.examples, ...added].slice(row, row + cells.length)
    const before = targets.map(({ values, output }) => ({ values: { ...values }, output }))
    const write = () => {
      targets.forEach((example, line) => cells[line].forEach((text, at) => this.#write(example, columns[column + at], text)))
    }
    const restore = () => targets.forEach((example, line) => Object.assign(example, before[line]))
    this.#bring(added, write, restore, missing ? `Pasted, ${rowCount(missing)} added` : "Pasted")
  }

  /** Adds `examples`, or puts them in the place of all; `newFields` become columns. */
  bringIn({ examples, newFields, replace }) {
    const { spec } = this.draft
    const old = spec.examples
    const grow = () => {
      if (replace) spec.examples = []
      spec.fields.push(...newFields)
    }
    const shrink = () => {
      if (replace) spec.examples = old
      spec.fields = spec.fields.filter((field) => !newFields.includes(field))
      for (const values of this.draft.allValues()) for (const field of newFields) delete values[field]
    }
    const rows = rowCount(examples.length)
    this.#bring(examples, grow, shrink, replace ? `Replaced by ${rows}` : `${rows} added`)
  }

  undo() {
    const back = this.back
    this.forget()
    if (back) this.draft.change(back)
    this.dispatchEvent(new Event("edited"))
  }

  forget() {
    this.words = ""
    this.back = null
    this.dispatchEvent(new Event("forgotten"))
  }

  /** Appends `added` after `edit`, and keeps a crowd of new rows from flooding the prompt. */
  #bring(added, edit, back, words) {
    const { spec, shots: placed } = this.draft
    const { shots } = spec
    const bring = () => {
      edit()
      spec.examples.push(...added)
      const on = this.draft.on.length
      if (shots === undefined && added.length && on > AT_ONCE) spec.shots = Math.max(AT_ONCE, placed)
      if (spec.shots >= on) delete spec.shots
    }
    const take = () => {
      const gone = new Set(added)
      spec.examples = spec.examples.filter((example) => !gone.has(example))
      back()
      if (shots === undefined) delete spec.shots
      else spec.shots = shots
    }
    this.#do(bring, take, () => `${words}${this.#limit}.`)
  }

  get #limit() {
    const { shots, on } = this.draft
    return shots < on.length ? `; the prompt holds the first ${shots}` : ""
  }

  #do(edit, back, words) {
    if (this.draft.isClosed) return
    this.draft.change(edit)
    Object.assign(this, { back, words: words() })
    this.dispatchEvent(new Event("edited"))
  }

  #write(example, column, text) {
    if (column === this.draft.spec.output_name) example.output = text
    else example.values[column] = text
  }
}

const rowCount = (count) => (count === 1 ? "1 row" : `${count.toLocaleString("en")} rows`)
