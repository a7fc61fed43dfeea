// The line under the instruction: which fields it is filled in from, and names in braces that are no fields.

import { byId, element } from "../lib/dom.js";
import { isWorthOffering, namesIn } from "../models/placeholders.js";

const MOST = 3 // names without a field that get a sentence

export function connectPlaceholders(draft) {
  const place = byId("placeholders")
  let drawn = ""
  const draw = () => {
    const { instruction, fields, input, output_name: output } = draft.spec
    const inInput = Object.values(input).flatMap((value) => Object.values(namesIn(value, fields)).flat()).filter(isWorthOffering)
    const found = { ...namesIn(instruction, fields), inInput: [...new Set(inInput)], output, columns: draft.columns }
    const key = JSON.stringify(found)
    if (key === drawn) return
    drawn = key
    const lines = [...usedLine(found), ...found.unknown.slice(0, MOST).map((name) => unknownLine(draft, name)), ...inputLine(found)]
    place.replaceChildren(...lines)
    place.hidden = lines.length === 0
  }
  draft.addEventListener("change", draw)
  draft.addEventListener("replace", draw)
  draw()
}

function usedLine({ used }) {
  return used.length ? [line("Filled in from the input: ", ...withCommas(used), ".")] : []
}

function unknownLine(draft, name) {
  if (name === draft.spec.output_name) return line(braced(name), " is the output, which the model writes; it stays as it is.")
  const fault = draft.faultInField(name)
  const made = line(braced(name), " is not a field and stays as it is. ", fault && isWorthOffering(name) ? fault : "")
  if (!fault && isWorthOffering(name)) made.append(offer(draft, name))
  return made
}

function offer(draft, name) {
  const button = element("button", { type: "button", class: "link" })
  button.append("Add the field ", bidi(name))
  button.addEventListener("click", () => {
    draft.addField(name)
    byId(`input-${draft.spec.fields.length - 1}`)?.focus() // a column of a comparison has no input of its own
  })
  return button
}

function inputLine({ inInput }) {
  if (!inInput.length) return []
  return [line(braced(inInput[0]), " in the input stays as it is: only the instruction is filled in.")]
}

function line(...parts) {
  const made = element("span")
  made.append(...parts.filter(Boolean))
  return made
}

/** A name keeps its own direction. */
function bidi(text) {
  return element("bdi", { text })
}

function braced(name) {
  const made = element("code")
  made.append("{{", bidi(name), "}}")
  return made
}

const withCommas = (names) => names.flatMap((name, index) => (index ? [", ", bidi(name)] : [bidi(name)]))
