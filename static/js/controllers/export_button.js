// The examples as a CSV file. Texts that a spreadsheet would read as a formula get an apostrophe before them.

import { byId, element } from "../lib/dom.js";

export function connectExport(draft) {
  const button = byId("export")
  const draw = () => (button.hidden = draft.spec.examples.length === 0)
  button.addEventListener("click", () => save(`${draft.title.trim() || "examples"}.csv`, asCsv(draft)))
  draft.addEventListener("change", draw)
  draft.addEventListener("replace", draw)
  draw()
}

function asCsv({ spec, columns }) {
  const data = spec.examples.map(({ values, output }) => [...spec.fields.map((field) => values[field] ?? ""), output])
  return globalThis.Papa.unparse({ fields: columns, data }, { escapeFormulae: true })
}

/** Spreadsheets read UTF-8 only with a byte order mark. */
function save(name, text) {
  const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }))
  element("a", { href: url, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
