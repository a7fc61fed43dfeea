// The head of the grid: a name for every column, which people change in place.

import { byId, element, fromTemplate, say } from "../lib/dom.js";

/** Draws the head. `removed(name)` takes a field away; `renamed()` hears that a column has another name. */
export function drawHead(draft, { removed, renamed }) {
  const { fields, output_name: output } = draft.spec
  byId("grid").style.setProperty("--fields", fields.length)
  const columns = fields.map((name) => fieldCell(draft, name, removed, renamed))
  byId("grid-head").replaceChildren(
    spokenCell("Order and use"),
    ...columns,
    outputCell(draft, output, renamed),
    element("div", { role: "columnheader", class: "cell tokens", text: "tokens" }),
    spokenCell("Actions"),
  )
}

function spokenCell(text) {
  const cell = element("div", { role: "columnheader", class: "cell" })
  cell.append(element("span", { class: "visually-hidden", text }))
  return cell
}

function fieldCell(draft, name, removed, renamed) {
  const cell = nameCell(name, `Field ${name}`, (to) => draft.renameField(name, to), renamed)
  const remove = cell.querySelector("[data-remove]")
  remove.hidden = draft.spec.fields.length === 1
  remove.append(element("span", { class: "visually-hidden", text: `Remove the field ${name}` }))
  remove.title = `Remove the field ${name}`
  remove.addEventListener("click", () => removed(name))
  return cell
}

function outputCell(draft, name, renamed) {
  const cell = nameCell(name, "Name of the output", (to) => draft.renameOutput(to), renamed)
  cell.querySelector("[data-remove]").remove()
  cell.classList.add("output")
  return cell
}

function nameCell(name, label, rename, renamed) {
  const cell = fromTemplate("column-template")
  const box = cell.querySelector("input")
  box.value = name
  box.setAttribute("aria-label", label)
  box.addEventListener("change", () => {
    const fault = rename(box.value.normalize("NFC").trim())
    say(byId("examples-fault"), fault)
    if (fault) box.value = name
    else renamed()
  })
  box.addEventListener("keydown", (event) => event.key === "Enter" && box.blur())
  return cell
}
