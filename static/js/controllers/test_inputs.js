// Beside the heading of the input: try another one, keep this one, or forget it.

import { byId, setText } from "../lib/dom.js";
import { TestInputs } from "../models/test_inputs.js";

export function connectTestInputs(draft, { commands, most }) {
  const inputs = new TestInputs(draft, most)
  const [another, keep, place] = ["another-input", "keep-input", "input-place"].map(byId)
  const show = () => {
    another.hidden = !inputs.hasOther
    keep.hidden = inputs.isBlank
    setText(keep.firstChild, inputs.place < 0 ? "Keep" : "Forget")
    const words = inputs.place < 0 ? "" : `test input ${inputs.place + 1} of ${inputs.count}`
    setText(place, words)
  }
  another.addEventListener("click", () => inputs.next())
  keep.addEventListener("click", () => (inputs.place < 0 ? inputs.keep() : inputs.forget()))
  commands.add({ id: "another-input", group: "Prompt", title: "Try another test input", when: () => inputs.hasOther, run: () => inputs.next() })
  for (const kind of ["change", "replace"]) draft.addEventListener(kind, show)
  show()
}
