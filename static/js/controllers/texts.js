// Title, scope and instruction: plain text boxes of a draft.

import { byId } from "../lib/dom.js";
import { showText } from "./boxes.js";

export function connectTexts(draft) {
  const title = byId("title")
  const scope = byId("scope")
  const echoes = [byId("crumb-title"), document.querySelector("#rail [aria-current] .rail-title")].filter(Boolean)

  const echo = () => {
    const name = draft.title.trim() || "Untitled"
    if (document.title === `${name} · Fewshot`) return
    for (const place of echoes) place.textContent = name
    document.title = `${name} · Fewshot`
  }
  const show = () => {
    showText(title, draft.title)
    showText(scope, draft.scope)
    echo()
  }
  title.addEventListener("input", () => {
    draft.change(() => (draft.title = title.value))
    echo()
  })
  scope.addEventListener("input", () => draft.change(() => (draft.scope = scope.value.replaceAll("\n", " "))))
  for (const line of [title, scope]) line.addEventListener("keydown", leaveOnEnter)
  draft.addEventListener("replace", show)
  show()
}

export function connectInstruction(draft) {
  const box = byId("instruction")
  const show = () => showText(box, draft.spec.instruction)
  box.addEventListener("input", () => draft.change(() => (draft.spec.instruction = box.value)))
  draft.addEventListener("replace", show)
  draft.addEventListener("change", show) // a field got another name
  show()
}

export function leaveOnEnter(event) {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return
  event.preventDefault()
  event.target.blur()
}
