// How many of the examples that are on the prompt holds: a slider from none to all, its number, and its name.

import { byId, setText } from "../lib/dom.js";
import { shotLabel } from "../models/draft.js";

const MEASURE_FROM = 7

export function connectShots(draft) {
  const range = byId("shots-range")
  const number = byId("shots-number")
  const draw = () => {
    const { on, shots } = draft
    byId("shot-scale").hidden = draft.spec.examples.length === 0
    for (const box of [range, number]) Object.assign(box, { max: on.length, disabled: on.length === 0 })
    if (document.activeElement !== number) number.value = shots
    range.value = shots
    range.style.setProperty("--share", on.length ? shots / on.length : 0)
    const label = shotLabel(shots, draft.spec.examples.length)
    setText(byId("shots"), label)
    range.setAttribute("aria-valuetext", `${shots} of ${on.length}, ${shotLabel(shots, shots)}`)
    byId("shots-advice").hidden = shots < MEASURE_FROM
  }
  range.addEventListener("input", () => draft.setShots(Number(range.value)))
  number.addEventListener("input", () => {
    const count = Number(number.value)
    if (number.value !== "" && Number.isInteger(count) && count >= 0) draft.setShots(count)
  })
  number.addEventListener("blur", draw)
  draft.addEventListener("change", draw)
  draft.addEventListener("replace", draw)
  draw()
}
