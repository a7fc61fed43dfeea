// "Add to examples" on each card: the input of a run and its answer become an example.

import { byId, fromTemplate } from "../lib/dom.js";

export function connectKeeping(draft, grid, runs) {
  const buttons = new WeakMap() // by card
  byId("answers").addEventListener("answer-state", ({ target: card, detail: { buffer } }) => {
    if (!buttons.has(card)) buttons.set(card, addButton(card, () => keep(draft, grid, runs, buttons.get(card).run)))
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
async function keep(draft, grid, runs, { run, text }) {
  const { input } = await runs.specOf(run)
  const values = draft.spec.fields.map((field) => [field, input[field] ?? ""])
  grid.add({ values: Object.fromEntries(values), output: text.trim() })
}
