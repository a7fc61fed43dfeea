// "Add to examples": the input of a run and its answer become an example.

import { byId } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";

export function connectKeeping(draft, runs, grid, answer) {
  const button = byId("keep-answer")
  runs.addEventListener("change", ({ detail: { buffer } }) => {
    button.hidden = buffer.isLive || buffer.text.trim() === ""
  })
  button.addEventListener("click", () => keep(runs.shown, draft, grid).catch((error) => answer.complain(error.message)))
}

/** Makes an example of the run `id`; the page's own input may have been changed since, so the run is asked. */
async function keep(id, draft, grid) {
  const { run } = await requestJson("GET", `/runs/${id}/`)
  const values = draft.spec.fields.map((field) => [field, run.spec.input[field] ?? ""])
  grid.add({ values: Object.fromEntries(values), output: run.text.trim() })
}
