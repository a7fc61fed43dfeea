// Two runs against each other in a dialog: settings, prompt and answer.

import { byId } from "../lib/dom.js";
import { amountWords, compareTexts, settingsThatDiffer } from "../models/difference.js";
import { askedWords } from "../models/run_words.js";
import { changeRow, markedWords } from "./difference_parts.js";

export class RunDifference {
  constructor() {
    this.dialog = byId("difference")
    byId("difference-close").addEventListener("click", () => this.dialog.close())
    // A click beside the sheet lands on the dialog itself.
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close())
  }

  /** Shows two runs, as their addresses tell them; the older one is "before". */
  show(runs) {
    const [before, after] = runs.toSorted((one, other) => one.queued_at.localeCompare(other.queued_at))
    byId("difference-before").textContent = headOf(before)
    byId("difference-after").textContent = headOf(after)
    this.#showSettings(settingsThatDiffer(before, after))
    showTexts("prompt", before.prompt_text, after.prompt_text)
    showTexts("answer", before.text, after.text)
    this.dialog.showModal()
    this.dialog.scrollTop = 0
  }

  #showSettings(rows) {
    byId("difference-settings").replaceChildren(...rows.map(changeRow))
    byId("difference-settings-box").hidden = rows.length === 0
    byId("difference-settings-same").hidden = rows.length > 0
  }
}

function headOf(run) {
  const when = new Date(run.queued_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })
  return `${when} · ${run.user_name} · ${askedWords(run)}`
}

function showTexts(name, before, after) {
  const pieces = compareTexts(before, after)
  byId(`difference-${name}`).replaceChildren(...markedWords(pieces))
  byId(`difference-${name}-amount`).textContent = amountWords(pieces)
}
