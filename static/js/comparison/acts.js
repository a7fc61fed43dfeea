// What the buttons and boxes of the board do.

import { connectKeys } from "../controllers/board_keys.js";
import { byId } from "../lib/dom.js";
import { pagesOf } from "../models/cells.js";
import { readCopied } from "../models/table_reader.js";

export function connectActs({ board, cells, table, runs, votes, dialog, editor, view, bring, discuss }) {
  const element = byId("board")
  const cellAt = (root) => table.cell(root.dataset.column, root.dataset.row)
  const base = (row) => table.cell(board.baseline.key, row)?.entry
  const nameOf = (cell) => cell.box.getAttribute("aria-label")

  const open = (root) => {
    const cell = cellAt(root)
    if (!cell.entry) return
    const pages = pagesOf(cells.of(cell.column, cell.row, board.samplesOf(board.column(cell.column))))
    const input = Object.values(board.inputOf(board.column(cell.column), board.row(cell.row))).join(" · ")
    return dialog.open({ title: nameOf(cell), input, runs: pages.map(({ entry }) => entry.id), at: cell.at })
  }
  const vote = (root, choice) => {
    const { entry, row } = cellAt(root)
    const against = base(row)
    if (entry && against && entry !== against) return votes.vote(entry.id, against.id, choice)
  }
  const rate = (root) => {
    const cell = cellAt(root)
    const button = root.querySelector('[data-act="rate"]')
    if (cell.entry && button && button.offsetParent) votes.open(button, cell.entry.id, nameOf(cell))
  }
  const run = (wanted) => runs.run(wanted)
  const inColumn = (column) => board.rows.map((row) => ({ column, row: row.key }))
  const inRow = (row) => board.columns.map((column) => ({ column: column.key, row }))
  const turn = (root, by) => {
    cellAt(root).turn(by)
    table.draw()
  }

  const acts = {
    "run-column": ({ column }) => run(inColumn(column)),
    "run-row": ({ row }) => run(inRow(row)),
    "run-cell": ({ column, row }) => run([{ column, row }]),
    "stop-cell": ({ column, row }) => runs.stop([{ column, row }]),
    edit: ({ column }) => editor.open(column),
    "duplicate-column": ({ column }) => board.duplicateColumn(column),
    "move-left": ({ column }) => board.moveColumn(column, -1),
    "move-right": ({ column }) => board.moveColumn(column, 1),
    baseline: ({ column }) => board.setBaseline(column),
    "remove-column": ({ column }) => leave(() => board.removeColumn(column)),
    "open-row": ({ row }) => {
      view.turn(row)
      table.draw()
    },
    "duplicate-row": ({ row }) => board.duplicateRow(row),
    "remove-row": ({ row }) => leave(() => board.removeRow(row)),
    older: ({ root }) => turn(root, -1),
    newer: ({ root }) => turn(root, 1),
    open: ({ root }) => open(root),
    rate: ({ root }) => rate(root),
    discuss: ({ root }) => discuss(cellAt(root)),
  }

  /** The button goes away with its column or row; the keyboard goes on at Undo. */
  const leave = (remove) => {
    remove()
    byId("board-undo").focus()
  }

  element.addEventListener("click", ({ target }) => {
    const button = target.closest("button")
    if (!button) return
    const root = button.closest("[data-column], [data-row]")
    const row = button.closest("[data-row]")?.dataset.row
    if (button.dataset.vote) return vote(root, button.dataset.vote)
    acts[button.dataset.act]?.({ root, column: root.dataset.column, row })
  })
  element.addEventListener("input", ({ target }) => {
    if (!target.matches("textarea")) return
    const own = target.closest(".board-cell")?.dataset.column ?? null
    board.setValue(target.closest("tr").dataset.row, target.dataset.field, target.value, own)
  })
  element.addEventListener("paste", (event) => paste(event, board, bring))
  connectKeys(element, { open, vote, rate, discuss: (root) => discuss(cellAt(root)), run: (root) => run([{ column: root.dataset.column, row: root.dataset.row }]) })
  return { addColumn: () => addColumn(board, table, editor) }
}

/** A copy of the last column: what one wants to try is mostly one change away. */
function addColumn(board, table, editor) {
  const made = board.duplicateColumn(board.columns.at(-1).key)
  if (!made) return
  board.setColumnTitle(made.key, "")
  table.draw()
  editor.open(made.key)
}

/** A block of cells goes over the boxes from the cursor on, as in the grid of examples. */
function paste(event, board, bring) {
  const area = event.target.closest(".board-input textarea")
  if (!area || !bring) return
  const text = event.clipboardData.getData("text/plain")
  if (!text.includes("\t") && !/<table[\s>]/i.test(event.clipboardData.getData("text/html"))) return
  event.preventDefault()
  const table = readCopied(text, globalThis.Papa)
  if (table.length === 1 && table[0].length === 1) return document.execCommand("insertText", false, table[0][0])
  board.paste(table, area.closest("tr").dataset.row, area.dataset.field)
}
