// Title, scope and instruction: plain text boxes of the draft.

import { byId } from "../lib/dom.js"
import { grow } from "./autosize.js"

export function connectTexts(draft) {
  const title = byId("title")
  const scope = byId("scope")
  const instruction = byId("instruction")
  const crumb = byId("crumb-title")

  const show = () => {
    title.value = draft.title
    scope.value = draft.scope
    instruction.value = draft.spec.instruction
    crumb.textContent = draft.title
    grow(scope)
    grow(instruction)
  }
  title.addEventListener("input", () => {
    draft.change(() => (draft.title = title.value))
    crumb.textContent = title.value || "Untitled"
  })
  scope.addEventListener("input", () => draft.change(() => (draft.scope = scope.value.replaceAll("\n", " "))))
  instruction.addEventListener("input", () => draft.change(() => (draft.spec.instruction = instruction.value)))
  for (const line of [title, scope]) line.addEventListener("keydown", leaveOnEnter)
  draft.addEventListener("replace", show)
  show()
}

function leaveOnEnter(event) {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return
  event.preventDefault()
  event.target.blur()
}
