// The draft people edit: title, scope, PromptSpec and test inputs. Rules of the spec live here, none of the page.

import { uniqueId } from "../lib/unique.js";
import { renameIn } from "./placeholders.js";

const WHITE_END = /[ \t\r\n\u00a0]+$/ // as WHITE in playground/actions/prompts.py

export class Draft extends EventTarget {
  /** Sends "change" after every edit and "replace" when everything was exchanged at once. */
  constructor({ title, scope, spec, inputs = [] }, limits = {}) {
    super()
    Object.assign(this, { title, scope, spec, inputs, limits })
    this.isClosed = false // for those who may only read; what others write comes in
  }

  /** Applies `edit(draft)` and tells. */
  change(edit) {
    if (this.isClosed) return
    edit(this)
    this.dispatchEvent(new Event("change"))
  }

  /** An edit from elsewhere than its own box, such as a button beside the bar: every box shows it. */
  rewrite(edit) {
    if (this.isClosed) return
    edit(this)
    this.dispatchEvent(new Event("replace"))
    this.dispatchEvent(new Event("change"))
  }

  /** Examples that are still there stay the same objects, so that their rows on the page do, with the cursor in them. */
  replace({ title, scope, spec, inputs = this.inputs }) {
    if (this.isClosed) return
    this.#put({ title, scope, spec, inputs })
    this.dispatchEvent(new CustomEvent("replace", { detail: {} }))
  }

  /** What others in the room have made of it. The spec stays the same object: what can be undone here may hold it. */
  receive({ title, scope, spec, inputs }) {
    const { spec: own } = this
    this.#put({ title, scope, spec, inputs })
    if (!("shots" in spec)) delete own.shots
    this.spec = Object.assign(own, spec)
    this.dispatchEvent(new CustomEvent("replace", { detail: { isNews: true } }))
    this.dispatchEvent(new CustomEvent("change", { detail: { isNews: true } }))
  }

  #put({ title, scope, spec, inputs }) {
    const known = new Map(this.spec.examples.map((example) => [example.id, example]))
    spec.examples = spec.examples.map((example) => Object.assign(known.get(example.id) ?? {}, example))
    Object.assign(this, { title, scope, spec, inputs })
  }

  asJson() {
    return { title: this.title, scope: this.scope, spec: this.spec, inputs: this.inputs }
  }

  /** The columns of the grid: the fields, then the output. */
  get columns() {
    return [...this.spec.fields, this.spec.output_name]
  }

  /** The examples that are on. */
  get on() {
    return this.spec.examples.filter((example) => example.on)
  }

  /** The examples that the prompt holds: the first of those that are on, as far as `shots` goes. */
  get placed() {
    return this.on.slice(0, this.spec.shots ?? undefined)
  }

  get shots() {
    return this.placed.length
  }

  /** Places the first `count` examples that are on. The end of the scale is "all", of later ones too. */
  setShots(count) {
    this.change(() => {
      if (count < this.on.length) this.spec.shots = count
      else delete this.spec.shots
    })
  }

  /** Takes the last shot out of the prompt; the example stays in the grid. */
  dropLastShot() {
    const fewer = this.shots - 1
    if (fewer >= 0) this.rewrite(({ spec }) => (spec.shots = fewer))
  }

  /** Leaves out the white space at the end of every text of the prompt. */
  trimEnds() {
    const trim = (text) => text.replace(WHITE_END, "")
    const trimAll = (values) => Object.keys(values).forEach((name) => (values[name] = trim(values[name])))
    this.rewrite(({ spec }) => {
      spec.instruction = trim(spec.instruction)
      trimAll(spec.input)
      for (const example of this.placed) {
        example.output = trim(example.output)
        trimAll(example.values)
      }
    })
  }

  /** How many examples can still be added. */
  get room() {
    if (this.isClosed) return 0
    return (this.limits.examples ?? Infinity) - this.spec.examples.length
  }

  /** A new example, behind the one with the id `after` or at the end; null when there is no room. */
  addExample({ values = {}, output = "", on = true } = {}, after = null) {
    if (this.room < 1) return null
    const example = { id: uniqueId(), values: { ...values }, output, on }
    const { examples } = this.spec
    const place = after === null ? examples.length : examples.findIndex(({ id }) => id === after) + 1
    this.change(() => examples.splice(place, 0, example))
    return example
  }

  duplicateExample(id) {
    return this.addExample(this.example(id), id)
  }

  moveExample(id, to) {
    const { examples } = this.spec
    const from = examples.findIndex((example) => example.id === id)
    const place = Math.max(0, Math.min(examples.length - 1, to))
    if (from === place) return
    this.change(() => examples.splice(place, 0, ...examples.splice(from, 1)))
  }

  example(id) {
    return this.spec.examples.find((example) => example.id === id)
  }

  /** Adds a field; returns what is wrong with it, or "". */
  addField(name = this.#freeName()) {
    const fault = this.faultInField(name)
    if (!fault) this.change(() => this.spec.fields.push(name))
    return fault
  }

  /** Renames a column with all its values and places in the instruction; returns what is wrong, or "". */
  renameField(from, to) {
    const fault = this.#faultInName(from, to)
    if (fault || from === to) return fault
    this.change(() => {
      this.spec.instruction = renameIn(this.spec.instruction, this.spec.fields, from, to)
      this.spec.fields = this.spec.fields.map((field) => (field === from ? to : field))
      for (const values of this.allValues()) rename(values, from, to)
    })
    return ""
  }

  renameOutput(to) {
    const fault = this.#faultInName(this.spec.output_name, to)
    if (!fault) this.change(() => (this.spec.output_name = to))
    return fault
  }

  /** Why `name` cannot become a new field, or "". */
  faultInField(name) {
    if (this.spec.fields.length >= this.limits.fields) return `At most ${this.limits.fields} fields.`
    return this.#faultInName(null, name)
  }

  /** Everything that holds a value for each field: the input, the test inputs and the examples. */
  allValues() {
    return [this.spec.input, ...this.inputs, ...this.spec.examples.map((example) => example.values)]
  }

  #faultInName(from, to) {
    if (!to) return "A column needs a name."
    if (to === "__proto__") return "__proto__ cannot be the name of a column."
    if ([...to].length > this.limits.field_name_chars) return `A name has at most ${this.limits.field_name_chars} characters.`
    const others = this.columns.filter((name) => name !== from)
    return others.includes(to) ? `There is already a column called ${to}.` : ""
  }

  #freeName() {
    let number = this.spec.fields.length + 1
    while (this.columns.includes(`field ${number}`)) number += 1
    return `field ${number}`
  }
}

function rename(values, from, to) {
  if (!(from in values)) return
  values[to] = values[from]
  delete values[from]
}

/** The field's name for a prompt with `placed` of `all` examples in it. */
export function shotLabel(placed, all) {
  const name = ["zero-shot", "one-shot"][placed] ?? "few-shot"
  return all > placed ? `${name} · ${placed.toLocaleString("en")} of ${all.toLocaleString("en")} placed` : name
}
