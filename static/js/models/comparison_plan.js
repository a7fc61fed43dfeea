// What a new comparison begins with, from the draft of an experiment; and a comparison in words.

import { ladder, shotName, placedCount } from "./run_plan.js";

/** The prompt as it is; the server puts a copy beside it. */
export const oneOf = (draft) => ({ columns: [{ spec: draft.spec }], rows: rowsOf(draft) })

/** The prompt with no example, with one, and as it is. */
export function ladderOf(draft) {
  const columns = ladder(draft.spec).map(({ spec }) => ({ spec, title: shotName(placedCount(spec)) }))
  return { title: `Ladder: ${columns.map(({ title }) => title).join(", ")}`, columns, rows: rowsOf(draft) }
}

/** The input in the editor, then the test inputs; each once, none of them blank. */
function rowsOf({ spec, inputs }) {
  const found = new Map()
  for (const input of [spec.input, ...inputs]) {
    const values = Object.fromEntries(spec.fields.map((field) => [field, input[field] ?? ""]))
    if (Object.values(values).some((text) => text.trim())) found.set(JSON.stringify(values), values)
  }
  return [...found.values()]
}

export function comparisonWords({ columns, rows, user_name: user, updated_at: moment }) {
  const count = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`
  const when = new Date(moment).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })
  return [count(columns, "column"), count(rows, "input"), user, when].filter(Boolean).join(" · ")
}
