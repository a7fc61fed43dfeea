// The draft people edit: title, scope, PromptSpec and test inputs. Rules of the spec live here, none of the page.

import { uniqueId } from "../lib/unique.js";

const WHITE_END = /[ \t\r\n\u00a0]+$/ // as WHITE in playground/actions/prompts.py

export class Draft extends EventTarget {
  /** Sends "change" after every edit and "replace" when everything was exchanged at once. */
  constructor({ title, scope, spec, inputs = [] }) {
    super()
    Object.assign(this, { title, scope, spec, inputs })
  }

  /** Applies `edit(draft)` and tells. */
  change(edit) {
    edit(this)
    this.dispatchEvent(new Event("change"))
  }

  /** An edit from elsewhere than its own box, such as a button beside the bar: every box shows it. */
  rewrite(edit) {
    edit(this)
    this.dispatchEvent(new Event("replace"))
    this.dispatchEvent(new Event("change"))
  }

  replace({ title, scope, spec, inputs = this.inputs }) {
    Object.assign(this, { title, scope, spec, inputs })
    this.dispatchEvent(new Event("replace"))
  }

  asJson() {
    return { title: this.title, scope: this.scope, spec: this.spec, inputs: this.inputs }
  }

  /** The examples that are placed in the prompt. */
  get placed() {
    return this.spec.examples.filter((example) => example.on)
  }

  get shots() {
    return this.placed.length
  }

  /** Takes the last shot out of the prompt; the example stays in the grid, switched off. */
  dropLastShot() {
    const last = this.placed.at(-1)
    if (last) this.rewrite(() => (last.on = false))
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

  addExample() {
    const example = { id: uniqueId(), values: {}, output: "", on: true }
    this.change(() => this.spec.examples.push(example))
    return example
  }

  removeExample(id) {
    this.change(() => (this.spec.examples = this.spec.examples.filter((example) => example.id !== id)))
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

  addField() {
    const taken = new Set([...this.spec.fields, this.spec.output_name])
    let number = this.spec.fields.length + 1
    while (taken.has(`field ${number}`)) number += 1
    this.change(() => this.spec.fields.push(`field ${number}`))
  }

  removeField(name) {
    this.change(() => {
      this.spec.fields = this.spec.fields.filter((field) => field !== name)
      for (const values of this.#allValues()) delete values[name]
    })
  }

  /** Renames a column with all its values; returns what is wrong with the new name, or "". */
  renameField(from, to) {
    const fault = this.#faultInName(from, to)
    if (fault || from === to) return fault
    this.change(() => {
      this.spec.fields = this.spec.fields.map((field) => (field === from ? to : field))
      for (const values of this.#allValues()) rename(values, from, to)
    })
    return ""
  }

  renameOutput(to) {
    const fault = this.#faultInName(this.spec.output_name, to)
    if (!fault) this.change(() => (this.spec.output_name = to))
    return fault
  }

  #faultInName(from, to) {
    if (!to) return "A column needs a name."
    const others = [...this.spec.fields, this.spec.output_name].filter((name) => name !== from)
    return others.includes(to) ? `There is already a column called ${to}.` : ""
  }

  #allValues() {
    return [this.spec.input, ...this.inputs, ...this.spec.examples.map((example) => example.values)]
  }
}

function rename(values, from, to) {
  if (!(from in values)) return
  values[to] = values[from]
  delete values[from]
}

/** The field's name for a prompt with `on` of `all` examples placed in it. */
export function shotLabel(on, all) {
  const name = ["zero-shot", "one-shot"][on] ?? "few-shot"
  return all > on ? `${name} · ${on} of ${all} on` : name
}
