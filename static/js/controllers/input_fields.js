// One text box for every field of the input.

import { byId, fromTemplate } from "../lib/dom.js"
import { grow } from "./autosize.js"

export function connectInputs(draft) {
  const place = byId("inputs")
  let drawn = ""

  const draw = () => {
    drawn = JSON.stringify(draft.spec.fields)
    place.replaceChildren(...draft.spec.fields.map((field, index) => makeInput(draft, field, index)))
    for (const area of place.querySelectorAll("textarea")) grow(area)
  }
  draft.addEventListener("change", () => drawn === JSON.stringify(draft.spec.fields) || draw())
  draft.addEventListener("replace", draw)
  draw()
}

function makeInput(draft, field, index) {
  const box = fromTemplate("input-template")
  const area = box.querySelector("textarea")
  const label = box.querySelector("label")
  area.id = `input-${index}`
  label.htmlFor = area.id
  label.textContent = field
  area.value = draft.spec.input[field] ?? ""
  area.addEventListener("input", () => draft.change(() => (draft.spec.input[field] = area.value)))
  return box
}
