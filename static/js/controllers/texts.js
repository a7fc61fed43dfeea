// Title, scope and instruction: plain text boxes of a draft.

import { byId } from "../lib/dom.js";
import { grow } from "./autosize.js";

export function connectTexts(draft) {
  const title = byId("title")
  const scope = byId("scope")
  const echoes = [byId("crumb-title"), document.querySelector("#rail [aria-current] .rail-title")].filter(Boolean)

  const echo = () => {
    const name = draft.title.trim() || "Untitled"
    for (const place of echoes) place.textContent = name
    document.title = `${name} · Fewshot`
  }
  const show = () => {
    title.value = draft.title
    scope.value = draft.scope
    echo()
    grow(scope)
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
  const show = () => {
    if (box.value !== draft.spec.instruction) box.value = draft.spec.instruction
    grow(box)
  }
  box.addEventListener("input", () => draft.change(() => (draft.spec.instruction = box.value)))
  draft.addEventListener("replace", show)
  draft.addEventListener("change", () => box.value === draft.spec.instruction || show()) // a field got another name
  show()
}

export function leaveOnEnter(event) {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return
  event.preventDefault()
  event.target.blur()
}
