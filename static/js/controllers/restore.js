// Puts the prompt of an earlier run into the editor. The draft that was there is one press away, also after a reload.

import { byId } from "../lib/dom.js";
import { hourOf } from "../models/run_list.js";

export class Restore {
  constructor({ draft, memory }) {
    Object.assign(this, { draft, memory, bar: byId("restored") })
    byId("restored-undo").addEventListener("click", () => this.#undo())
    byId("restored-close").addEventListener("click", () => this.#forget())
    this.#keep(memory.read())
  }

  /** Puts the prompt of a run, as its address tells it, into the draft. */
  put({ spec, queued_at: moment }) {
    this.putSpec(spec, `The prompt of the run of ${hourOf(moment)} is in the editor.`)
  }

  putSpec(spec, words) {
    this.#swap({ ...this.draft.asJson(), spec }, words, "Undo")
    byId("restored-undo").focus()
    byId("title").scrollIntoView({ block: "nearest" })
  }

  /** Offers the way back to `draft`, from which the page has gone on. */
  offer(draft, words) {
    this.#keep({ draft, words, label: "Undo" })
  }

  #undo() {
    const { draft, label } = this.kept
    if (label === "Undo") this.#swap(draft, "Your earlier draft is back.", "Redo")
    else this.#swap(draft, "The restored prompt is back.", "Undo")
  }

  /** What leaves the editor is kept, so that going to and fro loses nothing. */
  #swap(draft, words, label) {
    this.#keep({ draft: structuredClone(this.draft.asJson()), words, label })
    this.draft.replace(structuredClone(draft))
    this.draft.change(() => {}) // so that it is saved like an edit
  }

  #forget() {
    this.#keep(null)
    byId("instruction").focus()
  }

  #keep(kept) {
    this.kept = kept
    this.memory.keep(kept)
    this.bar.hidden = kept === null
    byId("restored-words").textContent = kept?.words ?? ""
    byId("restored-undo").textContent = kept?.label ?? ""
  }
}
