// "Add to examples" on each card: the input of a run and its answer become an example.

import { byId, fromTemplate } from "../lib/dom.js";

export function connectKeeping(draft, grid) {
  const buttons = new WeakMap() // by card
  byId("answers").addEventListener("answer-state", ({ target: card, detail: { buffer } }) => {
    if (!buttons.has(card)) buttons.set(card, addButton(card, () => keep(draft, grid, buttons.get(card).run)))
    const button = buttons.get(card)
    button.run = buffer
    button.element.hidden = buffer.isLive || buffer.text.trim() === ""
  })
}

function addButton(card, act) {
  const element = fromTemplate("keep-answer-template")
  element.addEventListener("click", act)
  card.querySelector(".answer-acts").prepend(element)
  return { element, run: null }
}

/** Makes an example of what the run was asked; the page's own input may have been changed since. */
function keep(draft, grid, { about, text }) {
  const values = draft.spec.fields.map((field) => [field, about.spec.input[field] ?? ""])
  grid.add({ values: Object.fromEntries(values), output: text.trim() })
}
