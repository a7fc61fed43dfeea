// What becomes of a table's columns and rows: where each column goes, which rows are taken, what is wrong with them.
// A target is "" (ignored), "output", "field:<name>" or "new".

import { uniqueId } from "../lib/unique.js";

const OUTPUT_NAMES = ["output", "completion", "answer", "response", "label", "target", "sentiment", "class", "category", "summary", "translation"]
const LONGEST_NAME = 40 // characters of a cell that still reads like a heading
const UNSTORABLE = /\0|\p{Cs}/u

export class ImportPlan {
  constructor({ kind, names, rows, notes }, draft) {
    Object.assign(this, { kind, names, rows, notes, draft })
    this.asked = names === null // whether the first row can hold the names
    this.replace = false
    this.random = false
    this.first = 1
    this.useHeader(this.asked && looksLikeHeader(rows, draft.columns))
  }

  /** Takes the first row as names or as data. */
  useHeader(use) {
    this.header = use
    this.targets = guessTargets(this.columns, this.draft.spec)
  }

  /** The names of the table's columns. */
  get columns() {
    if (this.names) return this.names
    const [head = []] = this.rows
    return head.map((cell, index) => (this.header && cell.trim()) || `column ${index + 1}`)
  }

  /** The rows that are data. */
  get data() {
    return this.header ? this.rows.slice(1) : this.rows
  }

  /** Sends a column to a target; one field or the output gets one column. */
  send(index, target) {
    if (!["", "new"].includes(target)) this.targets = this.targets.map((other) => (other === target ? "" : other))
    this.targets[index] = target
  }

  /** The names that the columns sent to "new" get, by column. */
  get newNames() {
    const names = new Map()
    const taken = [...this.draft.columns]
    this.columns.forEach((column, index) => {
      if (this.targets[index] !== "new") return
      const name = freeName(column, taken, this.draft.limits.field_name_chars)
      taken.push(name)
      names.set(index, name)
    })
    return names
  }

  /** How many examples there is room for. */
  get room() {
    return this.draft.room + (this.replace ? this.draft.spec.examples.length : 0)
  }

  /** `{ examples, newFields, replace, fault, left }`: what the import brings, why it cannot, and what stays out. */
  result() {
    const newNames = this.newNames
    const { good, empty, broken } = this.#sorted()
    const rows = this.#chosen(good)
    const examples = rows.map((row) => this.#example(row, newNames))
    const newFields = [...newNames.values()]
    const fault = this.#fault(examples, newFields)
    return { examples, newFields, replace: this.replace, fault, usable: good.length, left: leftWords(empty, broken) }
  }

  /** The spec after the import, with only the examples that its prompt places: what a preview needs. */
  preview({ examples, newFields }) {
    const { spec, shots } = this.draft
    const kept = this.replace ? [] : this.draft.placed
    const most = spec.shots ?? Math.max(6, this.replace ? 0 : shots)
    const placed = [...kept, ...examples].slice(0, most)
    const { shots: _, ...rest } = spec
    return { ...rest, fields: [...spec.fields, ...newFields], examples: placed }
  }

  #sorted() {
    const used = this.targets.flatMap((target, index) => (target ? [index] : []))
    const found = { good: [], empty: 0, broken: [] }
    this.data.forEach((row, index) => {
      const cells = used.map((column) => row[column])
      if (cells.every((cell) => !cell.trim())) found.empty += 1
      else if (cells.some((cell) => this.#isBroken(cell))) found.broken.push(index + 1)
      else found.good.push(row)
    })
    return found
  }

  #isBroken(cell) {
    return cell.length > this.draft.limits.text_chars || UNSTORABLE.test(cell)
  }

  #chosen(rows) {
    if (!this.random) return rows.slice(this.first - 1, this.first - 1 + Math.max(0, this.room))
    this.order ??= shuffled(this.rows.length)
    const kept = this.order.filter((place) => place < rows.length).slice(0, this.room)
    return kept.sort((a, b) => a - b).map((place) => rows[place])
  }

  #example(row, newNames) {
    const example = { id: uniqueId(), values: {}, output: "", on: true }
    this.targets.forEach((target, index) => {
      if (target === "output") example.output = row[index]
      else if (target === "new") example.values[newNames.get(index)] = row[index]
      else if (target) example.values[target.slice("field:".length)] = row[index]
    })
    return example
  }

  #fault(examples, newFields) {
    const { limits, spec } = this.draft
    if (this.targets.every((target) => !target)) return "Choose where at least one column goes."
    if (spec.fields.length + newFields.length > limits.fields) return `At most ${limits.fields} fields: let a column go to an old one, or leave it out.`
    if (this.room < 1) return `The grid is full: it holds ${limits.examples.toLocaleString("en")} examples. Replace them, or delete some.`
    if (!examples.length) return "There is no row to import."
    const kept = this.replace ? [] : spec.examples
    const bytes = new TextEncoder().encode(JSON.stringify({ ...spec, examples: [...kept, ...examples] })).length
    if (bytes > limits.body_bytes * 0.95) {
      return `These rows make the experiment ${megabytes(bytes)} large; at most ${megabytes(limits.body_bytes)} can be saved. Take fewer or shorter rows.`
    }
    return ""
  }
}

/** Whether the first row reads like names: a known one, or short distinct words that do not come again below. */
export function looksLikeHeader(rows, known) {
  const [head, ...rest] = rows.slice(0, 50)
  if (!head || !rest.length) return false
  const cells = head.map(plainName)
  if (cells.some((cell) => !cell || cell.length > LONGEST_NAME) || new Set(cells).size < cells.length) return false
  if (cells.some((cell) => [...known.map(plainName), ...OUTPUT_NAMES, "input", "text", "prompt", "question"].includes(cell))) return true
  if (!cells.every((cell) => /^[\p{L}_][\p{L}\p{M}\p{N}_ /-]*$/u.test(cell))) return false
  return cells.every((cell, index) => rest.every((row) => plainName(row[index] ?? "") !== cell))
}

/** By name first, then by place; what is left over becomes new fields only where there are no examples yet. */
function guessTargets(columns, { fields, output_name: output, examples }) {
  const targets = columns.map((column) => {
    if (plainName(column) === plainName(output)) return "output"
    const field = fields.find((name) => plainName(name) === plainName(column))
    return field === undefined ? null : `field:${field}`
  }).map((target, index, all) => (all.indexOf(target) === index ? target : null))
  const open = () => targets.flatMap((target, index) => (target === null ? [index] : []))
  if (!targets.includes("output") && columns.length > 1) {
    const named = open().filter((index) => OUTPUT_NAMES.includes(plainName(columns[index])))
    const place = named[0] ?? open().at(-1)
    if (place !== undefined) targets[place] = "output"
  }
  for (const field of fields) {
    const [place] = open().filter((index) => plainName(columns[index]) !== "system")
    if (!targets.includes(`field:${field}`) && place !== undefined) targets[place] = `field:${field}`
  }
  const spare = examples.length ? "" : "new"
  return targets.map((target, index) => target ?? (plainName(columns[index]) === "system" ? "" : spare))
}

const plainName = (name) => name.normalize("NFC").trim().toLowerCase()

/** A name for a new field like `column` that nobody has yet. */
function freeName(column, taken, longest = 60) {
  const base = [...column.normalize("NFC").trim().replace(/\s+/g, " ")].filter((letter) => !UNSTORABLE.test(letter)).slice(0, longest - 4).join("")
  const first = base && base !== "__proto__" ? base : "field"
  let name = first
  for (let number = 2; taken.includes(name); number += 1) name = `${first} ${number}`
  return name
}

function leftWords(empty, broken) {
  const count = (number) => (number === 1 ? "1 row" : `${number.toLocaleString("en")} rows`)
  const numbers = broken.slice(0, 4).join(", ")
  return [
    ...(empty ? [`${count(empty)} without any text left out.`] : []),
    ...(broken.length ? [`${count(broken.length)} left out (row ${numbers}${broken.length > 4 ? " …" : ""}): too long, or with characters that cannot be stored.`] : []),
  ]
}

/** The numbers below `count` in random order. */
function shuffled(count) {
  const order = Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1))
    ;[order[last], order[other]] = [order[other], order[last]]
  }
  return order
}

const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`
