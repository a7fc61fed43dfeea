// One text box for every field of the input.

import { byId, fromTemplate } from "../lib/dom.js";
import { grow } from "./autosize.js";
import { keepingTheCursor, showText } from "./boxes.js";

export function connectInputs(draft) {
  const place = byId("inputs")
  let drawn = ""

  const draw = () => {
    drawn = JSON.stringify(draft.spec.fields)
    place.replaceChildren(...draft.spec.fields.map((field, index) => makeInput(draft, field, index)))
    byId("input-name").textContent = nameBesideHeading(draft.spec.fields)
    for (const area of place.querySelectorAll("textarea")) grow(area)
  }
  /** Values that were changed elsewhere; what people type is there already. */
  const boxes = () => [...place.querySelectorAll("textarea")]
  const fill = () => boxes().forEach((area, index) => showText(area, draft.spec.input[draft.spec.fields[index]] ?? ""))
  const find = (held) => {
    const index = boxes().indexOf(held)
    return index < 0 ? null : () => boxes()[index]
  }
  const follow = () => (drawn === JSON.stringify(draft.spec.fields) ? fill() : keepingTheCursor(find, draw))
  draft.addEventListener("change", follow)
  draft.addEventListener("replace", follow)
  draw()
}

/** A single field needs no line of its own; "Input: input" needs no name at all. */
function nameBesideHeading(fields) {
  return fields.length === 1 && fields[0].toLowerCase() !== "input" ? fields[0] : ""
}

function makeInput(draft, field, index) {
  const box = fromTemplate("input-template")
  const area = box.querySelector("textarea")
  const label = box.querySelector("label")
  area.id = `input-${index}`
  area.dataset.name = field
  label.htmlFor = area.id
  label.textContent = field
  label.classList.toggle("visually-hidden", draft.spec.fields.length === 1) // it stands beside the heading then
  area.value = draft.spec.input[field] ?? ""
  area.addEventListener("input", () => draft.change(() => (draft.spec.input[field] = area.value)))
  return box
}
