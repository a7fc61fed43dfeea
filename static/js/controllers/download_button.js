// The examples as a CSV file.

import { byId, element } from "../lib/dom.js";
import { asCsv } from "../models/table_writer.js";

export function connectDownload(draft) {
  const button = byId("export")
  const draw = () => (button.hidden = draft.spec.examples.length === 0)
  button.addEventListener("click", () => save(`${draft.title.trim() || "examples"}.csv`, asCsv(draft, globalThis.Papa)))
  draft.addEventListener("change", draw)
  draft.addEventListener("replace", draw)
  draw()
}

/** Spreadsheets read UTF-8 only with a byte order mark. */
function save(name, text) {
  const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }))
  element("a", { href: url, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
