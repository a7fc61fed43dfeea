// What the dialogs of differences are drawn from: marked words, and rows of a table.

import { element } from "../lib/dom.js";

const MARKS = { deleted: "del", inserted: "ins", same: "span" }

/** Pieces of models/difference.js as nodes. */
export const markedWords = (pieces) => pieces.map(({ kind, text }) => element(MARKS[kind], { text }))

/** One row of a table: what it is called, before and after. */
export function changeRow({ name, before, after }) {
  const row = element("tr")
  row.append(element("th", { scope: "row", text: name }))
  for (const [mark, text] of [["del", before], ["ins", after]]) {
    const cell = element("td")
    cell.append(element(mark, { text }))
    row.append(cell)
  }
  return row
}
