// The draft as a document that many write into at the same time: a Yjs document with a text for every box, a value for
// every setting and a list for every order. Knows no page and no socket. playground/documents.py reads the same document.
//
// Everything is a root of the document, found by its name: two people who write into an empty cell at the same time
// write into one text, which two new texts under one key would not be. Fields have ids of their own, so that a cell
// that is written into while its field gets another name stays the cell of that field.

import * as Y from "../../vendor/yjs.js";
import { diffArrays } from "../../vendor/diff/array.js";
import { uniqueId } from "../lib/unique.js";
import { isSame } from "./draft_merge.js";

const MINE = "mine" // origin of transactions that are this person's own, and can be undone
const THEIRS = "theirs"
const TOGETHER = 500 // ms; what is typed in so short a time is undone at once

export class RoomDocument extends EventTarget {
  /** Sends "edit" ({ update }) for everything that others do not know yet, and "news" when others or an undo changed it. */
  constructor() {
    super()
    this.doc = new Y.Doc()
    this.values = this.doc.getMap("values")
    this.undoing = new Y.UndoManager(this.doc, { trackedOrigins: new Set([MINE]), captureTimeout: TOGETHER })
    this.doc.on("update", (update, origin) => origin === THEIRS || this.#send("edit", { update }))
    this.doc.on("afterTransaction", ({ origin, changed }) => changed.size && origin !== MINE && this.#send("news", {}))
  }

  /** What it holds: { title, scope, spec, inputs }. */
  read() {
    const fields = this.#fields()
    const texts = (name) => Object.fromEntries(fields.map((field) => [field.name, this.#text(name(field.id))]).filter(([, text]) => text))
    return {
      title: this.#text("title"),
      scope: this.#text("scope"),
      spec: {
        schema: 1,
        instruction: this.#text("instruction"),
        fields: fields.map(({ name }) => name),
        output_name: this.values.get("output_name"),
        examples: this.#ids("examples").map((id) => ({
          id,
          values: texts((field) => cellName(id, field)),
          output: this.#text(outputName(id)),
          on: this.values.get(`on/${id}`) ?? true,
        })),
        ...(this.values.has("shots") ? { shots: this.values.get("shots") } : {}),
        input: texts(inputName),
        layout: this.values.get("layout"),
        model: this.values.get("model"),
        settings: this.#settings(),
      },
      inputs: this.#ids("inputs").map((id) => this.#row(id, fields)),
    }
  }

  /**
   * Makes it hold `content` by the smallest edits that do, as one step of this person. `caret` { text, at } says where
   * they have just written: an "a" among others could have come in anywhere.
   */
  put(content, caret = null) {
    this.caret = caret
    this.doc.transact(() => {
      const { title, scope, spec, inputs } = content
      const fields = this.#writeFields(spec.fields)
      this.#writeText("title", title)
      this.#writeText("scope", scope)
      this.#writeText("instruction", spec.instruction)
      for (const { id, name } of fields) this.#writeText(inputName(id), spec.input[name] ?? "")
      this.#writeExamples(spec.examples, fields)
      this.#writeValues(spec)
      this.#writeInputs(inputs, fields)
    }, MINE)
  }

  /** Takes what others wrote, all at once. */
  receive(...updates) {
    this.doc.transact(() => updates.forEach((update) => Y.applyUpdate(this.doc, update, THEIRS)), THEIRS)
  }

  /** Several updates as one. */
  together(updates) {
    return updates.length === 1 ? updates[0] : Y.mergeUpdates(updates)
  }

  /** Takes what this person wrote in another life of the page; it goes on to the others. */
  recall(update) {
    Y.applyUpdate(this.doc, update, "recalled")
  }

  /** What it has, as a vector; and what somebody with `vector` lacks, as an update. */
  get vector() {
    return Y.encodeStateVector(this.doc)
  }

  missing(vector) {
    return Y.encodeStateAsUpdate(this.doc, vector)
  }

  undo() {
    return this.undoing.undo() !== null
  }

  redo() {
    return this.undoing.redo() !== null
  }

  /** What comes next is undone by itself. */
  endStep() {
    this.undoing.stopCapturing()
  }

  /** A place in a text that stays where it is in the sentence while others write; see `offset`. */
  place(name, offset) {
    return Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(this.doc.getText(name), offset))
  }

  /** Where `place` is now, in UTF-16 units; null when it is in no text that is known here. */
  offset(place) {
    return Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(place), this.doc)?.index ?? null
  }

  /** The name of the text behind a box of the page: { box: "input" | "cell", field, example } or one without fields. */
  nameOf({ box, field, example }) {
    if (box !== "input" && box !== "cell") return box
    const id = this.#fields().find(({ name }) => name === field)?.id
    if (box === "input") return id && inputName(id)
    return id ? cellName(example, id) : outputName(example)
  }

  /** The box behind the name of a text, as `nameOf` takes it; null when there is none. */
  boxOf(name) {
    const [, box, id, example] = name.match(/^(input|cell|output)\/([^/]+)(?:\/(.+))?$/s) ?? []
    if (!box) return { box: name }
    if (box === "output") return { box: "cell", field: this.values.get("output_name"), example: name.slice("output/".length) }
    const field = this.#fields().find((one) => one.id === id)?.name
    return field === undefined ? null : { box, field, example }
  }

  // Reading

  #text(name) {
    return this.doc.getText(name).toString()
  }

  /** Two people who move one thing at the same time leave it in two places; the first counts. */
  #ids(list) {
    return [...new Set(this.doc.getArray(list).toArray())]
  }

  /** [{ id, name }]. Names that two people gave at the same time are told apart. */
  #fields() {
    const taken = new Set([this.values.get("output_name")])
    const found = this.#ids("fields").map((id) => ({ id, name: freeName(this.values.get(`name/${id}`) ?? "input", taken) }))
    return found.length ? found : [{ id: "input", name: freeName("input", taken) }] // the last two were removed at once
  }

  #settings() {
    const keys = [...this.values.keys()].filter((key) => key.startsWith("setting/")).sort()
    return Object.fromEntries(keys.map((key) => [key.slice("setting/".length), this.values.get(key)]))
  }

  #row(id, fields) {
    const row = this.values.get(`row/${id}`) ?? {}
    return Object.fromEntries(fields.filter((field) => field.id in row).map((field) => [field.name, row[field.id]]))
  }

  // Writing

  #writeText(name, text) {
    const type = this.doc.getText(name)
    const splice = spliceOf(type.toString(), text, this.caret?.text === name ? this.caret.at : Infinity)
    if (!splice) return
    if (splice.removed) type.delete(splice.at, splice.removed)
    if (splice.added) type.insert(splice.at, splice.added)
  }

  #writeValue(key, value) {
    if (value === undefined) {
      if (this.values.has(key)) this.values.delete(key)
    } else if (!this.values.has(key) || !isSame(this.values.get(key), value)) this.values.set(key, value)
  }

  #writeIds(name, ids) {
    const list = this.doc.getArray(name)
    forget(list, repeats(list.toArray()))
    let at = 0
    for (const { added, removed, value, count } of diffArrays(list.toArray(), ids)) {
      if (removed) list.delete(at, count)
      else {
        if (added) list.insert(at, value)
        at += count
      }
    }
  }

  #writeFields(names) {
    const known = this.#fields()
    const renamed = known.length === names.length
    const fields = names.map((name, place) => {
      const same = known.find((field) => field.name === name)
      if (same) return same
      const before = renamed && !names.includes(known[place].name) ? known[place].id : null
      return { id: before ?? uniqueId().slice(0, 8), name }
    })
    this.#writeIds("fields", fields.map(({ id }) => id))
    for (const { id, name } of fields) if (known.find((field) => field.id === id)?.name !== name) this.#writeValue(`name/${id}`, name)
    return fields
  }

  #writeExamples(examples, fields) {
    this.#writeIds("examples", examples.map(({ id }) => id))
    for (const { id, values, output, on } of examples) {
      for (const field of fields) this.#writeText(cellName(id, field.id), values[field.name] ?? "")
      this.#writeText(outputName(id), output)
      this.#writeValue(`on/${id}`, on)
    }
  }

  #writeValues(spec) {
    for (const key of ["output_name", "shots", "layout", "model"]) this.#writeValue(key, spec[key])
    for (const [key, value] of Object.entries(spec.settings)) this.#writeValue(`setting/${key}`, value)
  }

  /** Test inputs have no ids: those that are still there are known by what they hold. */
  #writeInputs(inputs, fields) {
    const free = this.#ids("inputs").map((id) => ({ id, row: this.#row(id, fields) }))
    const rows = inputs.map((row) => {
      const place = free.findIndex((one) => isSame(one.row, row))
      return place < 0 ? { id: uniqueId().slice(0, 8), row } : free.splice(place, 1)[0]
    })
    this.#writeIds("inputs", rows.map(({ id }) => id))
    for (const { id, row } of rows) {
      const held = fields.filter(({ name }) => name in row).map((field) => [field.id, row[field.name]])
      if (!isSame(this.#row(id, fields), row)) this.#writeValue(`row/${id}`, Object.fromEntries(held))
    }
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}

const inputName = (field) => `input/${field}`
const cellName = (example, field) => `cell/${field}/${example}`
const outputName = (example) => `output/${example}`

/** `name`, or with a number behind it when it is taken; it is taken then. */
function freeName(name, taken) {
  let free = name
  for (let number = 2; taken.has(free); number += 1) free = `${name} ${number}`
  taken.add(free)
  return free
}

/** Places of what stands in a list for the second time. */
function repeats(ids) {
  const seen = new Set()
  return ids.flatMap((id, place) => (seen.size === seen.add(id).size ? [place] : []))
}

function forget(list, places) {
  for (const place of places.toReversed()) list.delete(place, 1)
}

/**
 * The one stretch in which two texts differ: { at, removed, added }, in UTF-16 units and never inside a pair; null for
 * equal ones. Where it could be in several places it ends at `caret`, a place in `after`, or else as late as can be.
 */
export function spliceOf(before, after, caret = Infinity) {
  if (before === after) return null
  const shorter = Math.min(before.length, after.length)
  const most = Math.min(shorter, Math.max(caret - Math.max(after.length - before.length, 0), 0))
  let start = 0
  while (start < most && before.charCodeAt(start) === after.charCodeAt(start)) start += 1
  if (isHigh(before, start - 1)) start -= 1
  let end = 0
  while (end < shorter - start && before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)) end += 1
  if (isLow(before, before.length - end)) end -= 1
  return { at: start, removed: before.length - end - start, added: after.slice(start, after.length - end) }
}

const isHigh = (text, at) => (text.charCodeAt(at) & 0xfc00) === 0xd800
const isLow = (text, at) => (text.charCodeAt(at) & 0xfc00) === 0xdc00
