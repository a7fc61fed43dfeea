// The window of the model as a bar: instruction, every shot, input, format and what is reserved for the answer.

import { byId, element } from "../lib/dom.js";

const plain = (count) => count.toLocaleString("en")

export class ContextBar {
  show({ counts, warnings = [] }) {
    const whole = Math.max(counts.window, counts.prompt + counts.reserved)
    byId("context-bar").replaceChildren(...segments(counts).map(([part, count]) => segment(part, count / whole)))
    byId("context-bar").classList.toggle("over", counts.over > 0)
    byId("counts").replaceChildren(...legend(counts), total(counts))
    byId("warnings").replaceChildren(...warnings.map((text) => element("li", { text })))
  }

  refuse(message) {
    byId("context-bar").replaceChildren()
    byId("counts").replaceChildren(element("span", { class: "over", text: message }))
    byId("warnings").replaceChildren()
  }
}

function segments({ instruction, examples, input, format, reserved }) {
  const shots = examples.map((count) => ["shot", count])
  const all = [["format", format], ["instruction", instruction], ...shots, ["input", input], ["reserved", reserved]]
  return all.filter(([, count]) => count)
}

function segment(part, share) {
  const made = element("span", { class: "part", "data-part": part })
  made.style.setProperty("--share", share)
  return made
}

function legend({ instruction, examples, input, format, reserved }) {
  const inShots = examples.reduce((sum, count) => sum + count, 0)
  const parts = [["instruction", "instruction", instruction], ["shot", examples.length === 1 ? "1 shot" : `${examples.length} shots`, inShots], ["input", "input", input]]
  const rest = [["format", "format", format], ["reserved", "reserved for the answer", reserved]]
  return [...parts, ...rest].filter(([, , count]) => count).map(([part, name, count]) => {
    const made = element("span", { class: "key", "data-part": part })
    made.append(element("i", { "aria-hidden": "true" }), `${name} ${plain(count)}`)
    return made
  })
}

function total({ prompt, reserved, window, over, examples }) {
  if (!over) return element("span", { text: `${plain(prompt + reserved)} of ${plain(window)} tokens` })
  const cut = examples.length ? "switch an example off" : "shorten the text"
  const text = `${plain(over)} tokens too many for the window of ${plain(window)}: reserve less, or ${cut}`
  return element("span", { class: "over", text })
}
