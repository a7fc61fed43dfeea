// Two changes of one draft, put together: field by field, example by example, word by word. Knows no page.
//
// What only one side changed is taken. What both changed, each in its own way, is a clash, and the reader decides: mine,
// theirs or both. Until then the merge holds both where that is possible, so that no word goes without being asked for.

import { mergeOrder, mergeSet } from "./order_merge.js";
import { renameIn } from "./placeholders.js";
import { bothTexts, mergeTexts } from "./text_merge.js";

const canonical = (value) =>
  JSON.stringify(value ?? null, (_, part) => (part && typeof part === "object" && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part))

/** Whether two parts of drafts hold the same, whatever the order of their keys. */
export const isSame = (one, other) => canonical(one) === canonical(other)

/**
 * Merges three drafts { title, scope, spec, inputs }. The result has `clashes`, [{ id, where, mine, theirs, base, options }],
 * whose texts are for people and whose options are of "mine", "theirs" and "both", the first being taken unless chosen
 * otherwise; and `build(choices)`, which gives the merged draft for { id: option }.
 */
export function mergeDrafts(base, mine, theirs, limits = {}) {
  const { drafts: [first, own, other], contested } = inOneLanguage(base, mine, theirs)
  const merge = new Merge(limits)
  const names = mergeNames(merge, contested)
  const parts = {
    title: merge.text("Title", first.title, own.title, other.title, limits.title_chars),
    scope: merge.text("Scope", first.scope, own.scope, other.scope, limits.scope_chars),
    spec: mergeSpecs(merge, first.spec, own.spec, other.spec),
    inputs: () => mergeSet(first.inputs, own.inputs, other.inputs).slice(0, limits.test_inputs),
  }
  const build = (choices = {}) => {
    const draft = built(parts, choices)
    return structuredClone(tidy(renamed(draft, names(choices, draft.spec.fields))))
  }
  return { clashes: merge.clashes, build }
}

/** Parts are functions of the choices; this calls all of them. */
function built(part, choices) {
  if (typeof part === "function") return part(choices)
  if (Array.isArray(part)) return part.map((one) => built(one, choices))
  if (part === null || typeof part !== "object") return part
  return Object.fromEntries(Object.entries(part).map(([key, one]) => [key, built(one, choices)]))
}

/** Collects clashes; each method gives a function from the choices to what is put there. */
class Merge {
  constructor({ text_chars: most = Infinity }) {
    Object.assign(this, { clashes: [], most })
  }

  /** `words` are { mine, theirs, base } as people read them. */
  clash(where, words, options) {
    const id = `c${this.clashes.length + 1}`
    this.clashes.push({ id, where, ...words, options })
    return (choices) => choices[id] ?? options[0]
  }

  /** A setting, a model, a switch: one or the other. */
  value(where, base, mine, theirs, say = sayValue) {
    if (isSame(mine, theirs) || isSame(theirs, base)) return () => mine
    if (isSame(mine, base)) return () => theirs
    const chosen = this.clash(where, { mine: say(mine), theirs: say(theirs), base: say(base) }, ["mine", "theirs"])
    return (choices) => (chosen(choices) === "mine" ? mine : theirs)
  }

  text(where, base = "", mine = "", theirs = "", most = this.most) {
    const pieces = mergeTexts(base, mine, theirs)
    const longest = pieces.map((piece) => piece.text ?? bothTexts(piece.mine, piece.theirs)).join("").length
    if (longest > most) return this.#piece(where, { base, mine, theirs }, ["mine", "theirs"])
    const parts = pieces.map((piece) => (piece.text === undefined ? this.#piece(where, piece, ["both", "mine", "theirs"]) : () => piece.text))
    return (choices) => parts.map((part) => part(choices)).join("")
  }

  #piece(where, { base, mine, theirs }, options) {
    const chosen = this.clash(where, { base, mine, theirs }, options)
    return (choices) => ({ both: bothTexts(mine, theirs), mine, theirs })[chosen(choices)]
  }
}

const sayValue = (value) => {
  if (value === null || value === undefined) return "not set"
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}

const NAMES = { layout: "Layout", model: "Model", shots: "Shots", output_name: "Name of the output", schema: "Schema" }
const spoken = (name) => NAMES[name] ?? `Setting ${name.replaceAll("_", " ")}`

function mergeSpecs(merge, base, mine, theirs) {
  const examples = mergeExamples(merge, base, mine, theirs)
  const value = (name) => merge.value(spoken(name), base[name], mine[name], theirs[name])
  const shots = merge.value("Shots", base.shots ?? null, mine.shots ?? null, theirs.shots ?? null, (count) => (count === null ? "all" : `at most ${count}`))
  const settings = Object.keys({ ...theirs.settings, ...mine.settings })
  const merged = {
    instruction: merge.text("Instruction", base.instruction, mine.instruction, theirs.instruction),
    input: mergeValues(merge, "Input", base.input, mine.input, theirs.input),
    examples,
    shots,
    settings: Object.fromEntries(settings.map((name) => [name, merge.value(spoken(name), base.settings[name], mine.settings[name], theirs.settings[name])])),
  }
  for (const name of ["schema", "output_name", "layout", "model"]) merged[name] = value(name)
  const fields = mergeFields(base, mine, theirs)
  return (choices) => ({ ...built(merged, choices), fields })
}

/** A field goes when one side removed it and the other wrote nothing into it meanwhile. */
function mergeFields(base, mine, theirs) {
  const wrote = (name, from, to) =>
    Object.entries(textsIn(to, name)).some(([place, text]) => text && text !== (textsIn(from, name)[place] ?? ""))
  const stays = (name) => {
    const [was, own, other] = [base, mine, theirs].map(({ fields }) => fields.includes(name))
    if (!was) return own || other
    return (own || wrote(name, base, mine)) && (other || wrote(name, base, theirs)) ? true : own ? wrote(name, base, mine) : other && wrote(name, base, theirs)
  }
  const kept = new Set([...base.fields, ...mine.fields, ...theirs.fields].filter(stays))
  const order = mergeOrder(base.fields, mine.fields, theirs.fields, kept)
  return order.length ? order : mine.fields
}

function textsIn({ input, examples }, name) {
  const rows = examples.filter(({ values }) => name in values).map(({ id, values }) => [id, values[name]])
  return Object.fromEntries([...rows, ["", input[name] ?? ""]])
}

/** A text for each field; one that a side removed altogether is merged as if it had left it alone. */
function mergeValues(merge, where, base = {}, mine = {}, theirs = {}) {
  const names = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])]
  const kept = names.filter((name) => !(name in base) || (name in mine && name in theirs) || (mine[name] ?? theirs[name]) !== base[name])
  const of = (values, name) => values[name] ?? base[name] ?? ""
  return Object.fromEntries(kept.map((name) => [name, merge.text(`${where}, ${name}`, base[name] ?? "", of(mine, name), of(theirs, name))]))
}

function mergeExamples(merge, base, mine, theirs) {
  const sides = [base, mine, theirs].map(({ examples }) => new Map(examples.map((example) => [example.id, example])))
  const [old, own, other] = sides
  const ids = sides.map((side) => [...side.keys()])
  const rows = new Map()
  for (const id of new Set(ids.flat())) {
    const row = mergeExample(merge, `Example ${nameOf(id, ids)}`, old.get(id), own.get(id), other.get(id))
    if (row) rows.set(id, row)
  }
  const order = mergeOrder(...ids, new Set(rows.keys()))
  return (choices) => order.map((id) => built(rows.get(id), choices)).filter((example) => example !== null)
}

/** The number by which people know it: in their own list, or else in the other's. */
const nameOf = (id, [old, own, other]) => [own, other, old].map((list) => list.indexOf(id) + 1).find(Boolean)

/** The merged row as a part, or null when it is gone. */
function mergeExample(merge, where, base, mine, theirs) {
  if (!mine && !theirs) return null
  if (mine && theirs) {
    const from = base ?? { values: {}, output: "", on: mine.on }
    return {
      id: mine.id,
      values: mergeValues(merge, where, from.values, mine.values, theirs.values),
      output: merge.text(`${where}, output`, from.output, mine.output, theirs.output),
      on: merge.value(`${where}, on or off`, from.on, mine.on, theirs.on),
    }
  }
  const left = mine ?? theirs
  if (!base) return left
  if (isSame(left, base)) return null
  const removed = "removed"
  const words = { base: sayExample(base), mine: mine ? sayExample(mine) : removed, theirs: theirs ? sayExample(theirs) : removed }
  const chosen = merge.clash(where, words, mine ? ["mine", "theirs"] : ["theirs", "mine"]) // first the one with words
  return (choices) => ((chosen(choices) === "mine") === Boolean(mine) ? left : null)
}

const sayExample = ({ values, output }) => [...Object.values(values), output].filter(Boolean).join(" → ")

/** A field that both renamed: it is merged under my name, and gets theirs where that is chosen. */
function mergeNames(merge, contested) {
  const chosen = contested.map(({ was, mine, theirs }) => [mine, merge.value(`Name of the field ${was}`, was, mine, theirs)])
  return (choices, fields) => {
    const changed = chosen.map(([mine, name]) => [mine, name(choices)]).filter(([mine, name]) => mine !== name)
    return new Map(changed.map(([mine, name]) => [mine, free(name, fields)]))
  }
}

const free = (name, taken) => (taken.includes(name) ? free(`${name} 2`, taken) : name)

/**
 * The three `drafts` with the names of fields that either side has given, since a renamed field is no other field; and
 * the `contested` ones, { was, mine, theirs }, which are called `mine` in all three.
 */
function inOneLanguage(base, mine, theirs) {
  const [own, other] = [mine, theirs].map(({ spec }) => renames(base.spec, spec))
  const late = [...other].filter(([from]) => !own.has(from))
  const known = new Set([...mine.spec.fields, mine.spec.output_name])
  const usable = new Map(late.filter(([, to]) => !known.has(to)))
  const early = new Map([...own].filter(([, to]) => !theirs.spec.fields.includes(to) && to !== theirs.spec.output_name))
  const contested = [...early].filter(([was]) => other.has(was)).map(([was, to]) => ({ was, mine: to, theirs: other.get(was) }))
  const fromTheirs = new Map([...early].map(([was, to]) => [other.get(was) ?? was, to]))
  const drafts = [renamed(base, new Map([...early, ...usable])), renamed(mine, usable), renamed(theirs, fromTheirs)]
  return { drafts, contested }
}

/** Fields that stand where another one stood, from old to new; new ones may have come behind them. */
function renames(before, after) {
  if (before.fields.length > after.fields.length) return new Map()
  const pairs = before.fields.map((name, place) => [name, after.fields[place]])
  return new Map(pairs.filter(([from, to]) => from !== to && !after.fields.includes(from) && !before.fields.includes(to)))
}

function renamed(draft, names) {
  if (!names.size) return draft
  const copy = structuredClone(draft)
  for (const [from, to] of names) {
    copy.spec.instruction = renameIn(copy.spec.instruction, copy.spec.fields, from, to)
    copy.spec.fields = copy.spec.fields.map((field) => (field === from ? to : field))
    for (const values of [copy.spec.input, ...copy.inputs, ...copy.spec.examples.map((example) => example.values)]) {
      if (!(from in values)) continue
      values[to] = values[from]
      delete values[from]
    }
  }
  return copy
}

/** What the rules of a PromptSpec ask for, where two valid drafts together would break them. */
function tidy(draft) {
  const { spec } = draft
  if (spec.shots === null) delete spec.shots
  spec.output_name = free(spec.output_name, spec.fields)
  return draft
}
