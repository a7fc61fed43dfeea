// "Add to examples": the input of the run that is shown and its answer become an example.

import { byId } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";

export function connectKeeping(draft, runs, grid, answer) {
  const button = byId("keep-answer")
  runs.addEventListener("change", ({ detail: { buffer } }) => {
    button.hidden = buffer.isLive || buffer.text.trim() === ""
  })
  button.addEventListener("click", async () => {
    try {
      // The page's input may have been changed since; the run knows what it was asked.
      const { run } = await requestJson("GET", `/runs/${runs.shown}/`)
      const values = draft.spec.fields.map((field) => [field, run.spec.input[field] ?? ""])
      grid.add({ values: Object.fromEntries(values), output: run.text.trim() })
    } catch (error) {
      answer.complain(error.message)
    }
  })
}
