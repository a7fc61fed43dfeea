// Two versions, or a version and the draft, against each other in a dialog.

import { byId, element } from "../lib/dom.js";
import { amountWords } from "../models/difference.js";
import { examplesWords, isEmpty, specDifference } from "../models/spec_difference.js";
import { changeRow, markedWords } from "./difference_parts.js";

export class VersionDifference {
  constructor() {
    this.dialog = byId("version-difference")
  }

  /** Shows two prompts, each { title, spec }. */
  show(before, after) {
    const difference = specDifference(before.spec, after.spec)
    byId("version-difference-before").textContent = before.title
    byId("version-difference-after").textContent = after.title
    byId("version-difference-same").hidden = !isEmpty(difference)
    byId("version-difference-all").hidden = isEmpty(difference)
    this.#showSettings(difference.settings)
    byId("version-difference-texts").replaceChildren(...difference.texts.flatMap(drawText))
    byId("version-difference-examples-amount").textContent = examplesWords(difference)
    byId("version-difference-examples").replaceChildren(...difference.examples.map(drawExample))
    this.dialog.showModal()
    byId("version-difference-body").scrollTop = 0
  }

  #showSettings(rows) {
    byId("version-difference-settings").replaceChildren(...rows.map(changeRow))
    byId("version-difference-settings-box").hidden = rows.length === 0
  }
}

function drawText({ name, pieces }) {
  const head = element("div", { class: "difference-part" })
  head.append(element("h3", { class: "label", text: name }), element("span", { class: "quiet", text: amountWords(pieces) }))
  const box = element("pre", { class: "difference-text", tabindex: "0", role: "region", "aria-label": `What differs in ${name}` })
  box.append(...markedWords(pieces))
  return [head, box]
}

function drawExample({ number, was, kinds, cells }) {
  const row = element("li", { class: "difference-example", "data-kind": kinds[0] })
  const place = kinds.includes("moved") ? `${was} → ${number}` : `${number}`
  const head = element("p", { class: "difference-example-head" })
  head.append(element("b", { text: `Example ${place}` }), element("span", { class: "quiet", text: kinds.join(", ") }))
  row.append(head, ...cells.map(drawCell))
  return row
}

function drawCell({ name, pieces }) {
  const cell = element("p", { class: "difference-cell" })
  const words = element("span", { class: "difference-words" })
  words.append(...markedWords(pieces))
  cell.append(element("span", { class: "quiet", text: name }), words)
  return cell
}
