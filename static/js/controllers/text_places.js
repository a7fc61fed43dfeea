// Which box on the page of an experiment holds which text of the draft.

import { byId } from "../lib/dom.js";
import { pathOfCell } from "../models/anchors.js";

/** The path of the text in a box, or null. */
export function pathOf(box, draft) {
  const row = box.closest("#grid-rows [data-id]")
  if (row && box.dataset.name) return pathOfCell(row.dataset.id, box.dataset.name)
  if (box.closest("#inputs")) return `input/${draft.spec.fields[inputs().indexOf(box)]}`
  return ["instruction", "scope"].includes(box.id) ? box.id : null
}

/** The box that holds the text with this path, or undefined. */
export function boxOf(path, draft) {
  if (["instruction", "scope"].includes(path)) return byId(path)
  const field = draft.spec.fields.findIndex((name) => path === `input/${name}`)
  if (field !== -1) return inputs()[field]
  return [...document.querySelectorAll("#grid-rows textarea[data-name]")].find((box) => pathOf(box, draft) === path)
}

const inputs = () => [...document.querySelectorAll("#inputs textarea")]
