// A comparison that people edit: columns, each with a PromptSpec, rows of inputs, and what the columns share.
// Rules of the board live here, none of the page.

import { uniqueId } from "../lib/unique.js";

/** What each link switch shares; of the last one there is one value for a row instead of one for each cell. */
export const LINKED = {
  prompt: ["instruction", "fields", "output_name", "layout"],
  examples: ["examples", "shots"],
  settings: ["settings"],
  input: [],
}

/** A, B, C… */
export const letterOf = (index) => String.fromCharCode(65 + index)

export class Board extends EventTarget {
  /** Sends "change" after every edit, "replace" when all was exchanged, and "undoable" when `words` have changed. */
  constructor({ title, board }, limits = {}) {
    super()
    Object.assign(this, { title, board, limits, words: "", back: null })
  }

  asJson() {
    return { title: this.title, board: this.board }
  }

  get columns() {
    return this.board.columns
  }

  get rows() {
    return this.board.rows
  }

  column(key) {
    return this.columns.find((column) => column.key === key)
  }

  row(key) {
    return this.rows.find((row) => row.key === key)
  }

  letter(key) {
    return letterOf(this.columns.findIndex((column) => column.key === key))
  }

  /** The column that others are compared with. */
  get baseline() {
    return this.column(this.board.baseline) ?? this.columns[0]
  }

  isLinked(name) {
    return this.board.links.includes(name)
  }

  /** The fields of all columns, each once, in the order in which they come. */
  get fields() {
    return [...new Set(this.columns.flatMap(({ spec }) => spec.fields))]
  }

  get roomForColumns() {
    return (this.limits.columns ?? Infinity) - this.columns.length
  }

  get roomForRows() {
    return (this.limits.rows ?? Infinity) - this.rows.length
  }

  /** The input of a cell: the column's own while inputs are not linked, else that of the row. */
  inputOf(column, row) {
    const own = this.isLinked("input") ? null : column.inputs?.[row.key]
    return own ?? row.values
  }

  /** How many answers a cell of this column gets: greedy decoding repeats itself. */
  samplesOf({ spec }) {
    return spec.settings.mode === "greedy" ? 1 : this.board.samples
  }

  /** Applies `edit(board)` and tells; `row` names the only row that it touches, if it is no more than that. */
  change(edit, row = null) {
    edit(this)
    this.dispatchEvent(new CustomEvent("change", { detail: { row } }))
  }

  replace({ title, board }) {
    Object.assign(this, { title, board })
    this.#remember("", null)
    this.dispatchEvent(new Event("replace"))
  }

  // --- columns

  /** Writes `spec` into a column, and what is linked into all others. */
  setSpec(key, spec) {
    this.change(() => {
      const column = this.column(key)
      const fresh = structuredClone(spec)
      const renamed = renamedField(column.spec.fields, fresh.fields)
      column.spec = { ...fresh, input: {} }
      for (const other of this.columns) if (other !== column) this.#share(column.spec, other, renamed)
      if (renamed) this.#renameInputs(renamed)
    })
  }

  /** A new column behind the one with the key `after`, or at the end; null when there is no room. */
  addColumn(spec, { title = "", after = null } = {}) {
    if (this.roomForColumns < 1) return null
    const column = { key: uniqueId(), title, spec: { ...structuredClone(spec), input: {} }, inputs: {} }
    const place = after === null ? this.columns.length : this.columns.findIndex(({ key }) => key === after) + 1
    this.change(() => {
      if (this.columns.length) this.#share(this.columns[0].spec, column, null)
      this.columns.splice(place, 0, column)
    })
    return column
  }

  duplicateColumn(key) {
    const { spec, title, inputs } = this.column(key)
    const made = this.addColumn(spec, { title, after: key })
    if (made) made.inputs = structuredClone(inputs ?? {})
    return made
  }

  moveColumn(key, by) {
    const from = this.columns.findIndex((column) => column.key === key)
    const to = Math.max(0, Math.min(this.columns.length - 1, from + by))
    if (from === to) return
    const { key: baseline } = this.baseline
    this.change(() => {
      this.columns.splice(to, 0, ...this.columns.splice(from, 1))
      this.board.baseline = baseline // it stays the same column, also where it was only the first
    })
  }

  removeColumn(key) {
    if (this.columns.length === 1) return
    const place = this.columns.findIndex((column) => column.key === key)
    const letter = letterOf(place)
    const [column] = this.columns.slice(place, place + 1)
    const { baseline } = this.board
    this.#do(
      () => {
        this.board.columns = this.columns.filter((one) => one !== column)
        if (baseline === key) this.board.baseline = null
      },
      () => {
        this.columns.splice(place, 0, column)
        this.board.baseline = baseline
      },
      `Column ${letter} removed; its answers are kept.`,
    )
  }

  setBaseline(key) {
    this.change(() => (this.board.baseline = key))
  }

  setColumnTitle(key, title) {
    this.change(() => (this.column(key).title = title))
  }

  /** Links a part: all columns take that of the baseline. Without the link each keeps what it has. */
  setLink(name, on) {
    const links = this.board.links.filter((link) => link !== name)
    if (!on) return this.change(() => (this.board.links = links))
    const before = this.columns.map(({ spec }) => spec)
    const { columns, baseline } = this
    const link = () => {
      this.board.links = [...links, name]
      for (const column of columns) if (column !== baseline) this.#share(baseline.spec, column, null)
    }
    const back = () => {
      this.board.links = this.board.links.filter((one) => one !== name)
      columns.forEach((column, index) => (column.spec = before[index]))
    }
    const isSame = () => JSON.stringify(before) === JSON.stringify(columns.map(({ spec }) => spec))
    this.#do(link, back, "")
    const words = isSame() ? "" : `Linked: every column has the ${name} of ${this.letter(baseline.key)} now.`
    this.#remember(words, words ? back : null)
  }

  setSamples(count) {
    this.change(() => (this.board.samples = count))
  }

  // --- rows

  /** A new row behind the one with the key `after`, or at the end; null when there is no room. */
  addRow(values = {}, after = null) {
    if (this.roomForRows < 1) return null
    const row = { key: uniqueId(), values: { ...values } }
    const place = after === null ? this.rows.length : this.rows.findIndex(({ key }) => key === after) + 1
    this.change(() => this.rows.splice(place, 0, row))
    return row
  }

  duplicateRow(key) {
    const made = this.addRow(this.row(key).values, key)
    if (made) for (const { inputs } of this.columns) if (inputs?.[key]) inputs[made.key] = { ...inputs[key] }
    return made
  }

  removeRow(key) {
    if (this.rows.length === 1) return
    const place = this.rows.findIndex((row) => row.key === key)
    const [row] = this.rows.slice(place, place + 1)
    const own = this.columns.map((column) => [column, column.inputs?.[key]])
    this.#do(
      () => {
        this.board.rows = this.rows.filter((one) => one !== row)
        for (const [column] of own) if (column.inputs) delete column.inputs[key]
      },
      () => {
        this.rows.splice(place, 0, row)
        for (const [column, input] of own) if (input) column.inputs[key] = input
      },
      `Input ${place + 1} removed; its answers are kept.`,
    )
  }

  /** Writes one field of a row; with `column`, only of that column's own input. */
  setValue(rowKey, field, text, columnKey = null) {
    this.change(() => {
      const row = this.row(rowKey)
      if (columnKey === null) return (row.values[field] = text)
      const column = this.column(columnKey)
      column.inputs = { ...column.inputs, [rowKey]: { ...this.inputOf(column, row), [field]: text } }
    }, rowKey)
  }

  /** Adds inputs, [{ field: text }]; blank rows at the end are filled first. Returns how many had no room. */
  bringRows(inputs) {
    const isBlank = (row) => Object.values(row.values).every((text) => !text.trim())
    const before = this.rows
    const kept = before.slice(0, before.findLastIndex((row) => !isBlank(row)) + 1)
    const room = (this.limits.rows ?? Infinity) - kept.length
    const added = inputs.slice(0, room).map((values) => ({ key: uniqueId(), values }))
    const back = () => {
      const gone = new Set(added)
      const left = this.rows.filter((row) => !gone.has(row))
      this.board.rows = left.length > kept.length ? left : before
    }
    const words = `${added.length === 1 ? "1 input" : `${added.length} inputs`} added.`
    if (added.length) this.#do(() => (this.board.rows = [...kept, ...added]), back, words)
    return inputs.length - added.length
  }

  /** Writes a block of cells from a row and field on; rows are added as needed. */
  paste(cells, rowKey, field) {
    const place = this.rows.findIndex((row) => row.key === rowKey)
    const names = this.fields.slice(this.fields.indexOf(field))
    const missing = Math.min(place + cells.length - this.rows.length, this.roomForRows)
    const added = Array.from({ length: Math.max(0, missing) }, () => ({ key: uniqueId(), values: {} }))
    const targets = [...this.rows.slice(place), ...added].slice(0, cells.length)
    const before = targets.map(({ values }) => values)
    const write = () => {
      this.rows.push(...added)
      targets.forEach((row, line) => (row.values = { ...row.values, ...pairs(names, cells[line]) }))
    }
    const back = () => {
      const gone = new Set(added)
      this.board.rows = this.rows.filter((row) => !gone.has(row))
      targets.forEach((row, line) => (row.values = before[line]))
    }
    this.#do(write, back, added.length ? `Pasted, ${added.length} added.` : "Pasted.")
  }

  // --- undo

  undo() {
    const { back } = this
    this.#remember("", null)
    if (back) this.change(back)
  }

  #do(edit, back, words) {
    this.change(edit)
    this.#remember(words, back)
  }

  #remember(words, back) {
    Object.assign(this, { words, back })
    this.dispatchEvent(new Event("undoable"))
  }

  /** Gives `column` the linked parts of `spec`; a field that got another name keeps the values of its examples. */
  #share(spec, column, renamed) {
    const shared = Object.fromEntries(this.board.links.flatMap((link) => LINKED[link]).map((name) => [name, spec[name]]))
    if (renamed && this.isLinked("prompt") && !this.isLinked("examples")) {
      shared.examples = column.spec.examples.map((example) => ({ ...example, values: renameKey(example.values, renamed) }))
    }
    const mixed = { ...column.spec, ...structuredClone(shared) }
    if (mixed.shots === undefined) delete mixed.shots // it is left out where all are placed
    column.spec = mixed
  }

  /** An input follows the new name of its field; the old one stays while another column asks for it. */
  #renameInputs([from, to]) {
    const stays = this.fields.includes(from)
    const rename = (values) => (from in values ? { ...(stays ? values : renameKey(values, [from, to])), [to]: values[to] ?? values[from] } : values)
    for (const row of this.rows) row.values = rename(row.values)
    for (const column of this.columns) {
      for (const [key, values] of Object.entries(column.inputs ?? {})) column.inputs[key] = rename(values)
    }
  }
}

/** [from, to] where exactly one field has another name, or null. */
function renamedField(before, after) {
  if (before.length !== after.length) return null
  const places = before.flatMap((name, index) => (name === after[index] ? [] : [index]))
  return places.length === 1 ? [before[places[0]], after[places[0]]] : null
}

function renameKey(values, [from, to]) {
  return Object.fromEntries(Object.entries(values).map(([name, text]) => [name === from ? to : name, text]))
}

const pairs = (names, texts) => Object.fromEntries(texts.slice(0, names.length).map((text, index) => [names[index], text]))
