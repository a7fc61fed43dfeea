// Pasting a block of spreadsheet cells: it goes over the cells from the cursor on. A block that has no room there
// goes to the import, where its columns can be sent to places.

import { readCopied } from "../models/table_reader.js";
import { byId } from "../lib/dom.js";

/** `open(text)` shows the import with `text`. */
export function connectPaste(draft, edits, open) {
  byId("examples").addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text/plain")
    const area = event.target.closest?.("#grid-rows textarea")
    if (draft.isClosed) return
    if (!area && event.target.matches("input")) return
    if (!isTable(event.clipboardData, text) && area) return // one text for one cell
    event.preventDefault()
    if (!area) return open(text)
    const cells = readCopied(text, globalThis.Papa)
    // The old command, because only it keeps the box's own undo.
    if (cells.length === 1 && cells[0].length === 1) return document.execCommand("insertText", false, cells[0][0])
    const row = area.closest(".grid-row")
    const place = draft.spec.examples.indexOf(row.example)
    const column = [...row.querySelectorAll("textarea")].indexOf(area)
    if (edits.fits(cells, place, column)) edits.paste(cells, place, column)
    else open(text)
  })
}

/** Spreadsheets put a table beside the text; lines of prose are no table. */
function isTable(data, text) {
  return text.includes("\t") || /<table[\s>]/i.test(data.getData("text/html"))
}
