// The boxes of an input: one for each field, named where there is more than one.

import { fromTemplate } from "../lib/dom.js";
import { grow } from "./autosize.js";

export function makeFields(place, names, labelOf) {
  const boxes = names.map((name) => {
    const box = fromTemplate("board-field-template")
    const area = box.querySelector("textarea")
    box.querySelector(".row-field-name").textContent = name
    box.querySelector(".row-field-name").classList.toggle("visually-hidden", names.length === 1)
    area.dataset.field = name
    area.setAttribute("aria-label", labelOf(name))
    return box
  })
  place.replaceChildren(...boxes)
}

/** Values that were changed elsewhere; what people type is there already. */
export function fillFields(place, values) {
  for (const area of place.querySelectorAll("textarea")) {
    const value = values[area.dataset.field] ?? ""
    if (area.value === value) continue
    area.value = value
    grow(area)
  }
}
