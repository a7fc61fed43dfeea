// Names for the places of the experiment's page, the same on every page: of the text in a box, `row/<id>` for the rest of
// an example, `run/<id>` for an answer, `#<id>` for everything else.

import { byId } from "../lib/dom.js";
import { sharedText } from "./boxes.js";

const WORDS = { title: "the title", scope: "the scope", instruction: "the instruction", input: "the input" }
const EDITED = ".experiment :is(.settings, .examples, .title-row, .input-head)" // beside the boxes of texts

export class Places {
  /** `document` is the room's, which knows the names of texts. */
  constructor(room) {
    this.room = room
  }

  /** The name of the place that an element is in, or "". */
  nameOf(element) {
    const text = sharedText(element)
    if (text) return this.room.document.nameOf(text) ?? ""
    const example = exampleOf(element)
    if (example) return `row/${example}`
    const run = element.closest("[data-run]")?.dataset.run
    const id = element.closest("#main [id]")?.id
    return run ? `run/${run}` : id ? `#${id}` : ""
  }

  /** Whether somebody who is there has a hand on the draft. */
  isEdited(element) {
    return Boolean(element.dataset.shared) || element.closest(EDITED) !== null
  }

  /** The element with this name, or null: others may send any. */
  find(name) {
    if (name.startsWith("#")) return byId(name.slice(1))
    if (name.startsWith("row/")) return rowOf(name.slice("row/".length))
    if (name.startsWith("run/")) return document.querySelector(`#answers [data-run="${CSS.escape(name.slice("run/".length))}"]`)
    const { box, field, example } = this.room.document.boxOf(name) ?? {}
    const parent = box === "cell" ? rowOf(example) : box === "input" ? byId("inputs") : null
    if (parent) return parent.querySelector(`textarea[data-name="${CSS.escape(field)}"]`)
    return box in WORDS ? byId(box) : null
  }

  /** What a place is called, or "" for one that is not on this page. */
  words(name) {
    const element = name && this.find(name)
    if (!element) return ""
    if (name in WORDS) return WORDS[name]
    if (name.startsWith("input/")) return WORDS.input
    const label = name.startsWith("row/") ? `Example ${[...element.parentElement.children].indexOf(element) + 1}` : labelOf(element)
    return label.charAt(0).toLowerCase() + label.slice(1)
  }
}

const exampleOf = (element) => element.closest("#grid-rows [data-id]")?.dataset.id
const rowOf = (example) => document.querySelector(`#grid-rows [data-id="${CSS.escape(example)}"]`)

function labelOf(element) {
  const label = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.querySelector("legend")?.textContent
  return (label ?? element.textContent.slice(0, 40)).trim().replace(/\s+/g, " ")
}
