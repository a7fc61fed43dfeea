// The experiment page for the palette: a command presses the control that people could press themselves.

import { byId } from "../lib/dom.js";
import { commands } from "../models/commands.js";
import { PRESSES } from "../models/presses.js";

export function connectPageCommands(draft, models) {
  for (const { id, group, title, press } of PRESSES) {
    const control = () => document.querySelector(press)
    commands.add({ id, group, title, when: () => canPress(control()), run: () => control().click() })
  }
  commands.provide(() => models.filter((model) => model.name !== draft.spec.model).map(useModel))
}

function canPress(control) {
  return control !== null && !control.matches(":disabled, [hidden], :checked")
}

function useModel({ name, title }) {
  const run = () => {
    byId("model").value = name
    byId("model").dispatchEvent(new Event("change"))
  }
  return { title: `Use ${title}`, group: "Model", run }
}
