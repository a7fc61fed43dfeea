// What people say about a comparison and its answers, on its page.

import { DiscussionPanel } from "../controllers/discussion_panel.js";
import { byId } from "../lib/dom.js";
import { flash } from "../lib/flash.js";
import { countOf, Discussion } from "../models/discussion.js";

/** `table` is told to draw the counts at its cells; `dialog` shows one answer. Returns { discuss(cell), panel }. */
export function connectDiscussion({ page, board, cells, table, dialog }) {
  const discussion = new Discussion(page.user, page.comparison.id)
  const rights = { user: page.user, edit: page.may_edit, manage: page.may_manage }
  const all = { kind: "comparison", comparison: page.comparison.id }
  const cellOf = (run) => {
    const entry = cells.byRun.get(run)
    return entry && table.cell(entry.column, entry.row)
  }
  const place = (about) => (about.kind === "run" ? placeOf(about, cellOf(about.run), board) : { words: "The comparison", note: "", url: null })
  const go = (about) => {
    const cell = cellOf(about.run)
    const target = cell?.root ?? byId("comparison-title")
    target.scrollIntoView({ block: "center", inline: "center" })
    const focused = cell?.box ?? target
    focused.focus({ preventScroll: true })
    flash(target)
  }
  const here = () => {
    const { column, row } = document.activeElement?.closest(".board-cell")?.dataset ?? {}
    const run = table.cell(column, row)?.entry?.id
    return run ? { kind: "run", run } : null
  }
  const panel = new DiscussionPanel({ discussion, urls: page.urls, rights, all, place, go, here, within: page.comparison.id })
  const discuss = (run) => {
    const [mark] = discussion.onRun(run)
    if (mark) panel.showThread(mark.thread)
    else panel.write({ kind: "run", run })
  }

  table.saidOf = (run) => countOf(discussion.onRun(run))
  discussion.addEventListener("change", () => table.soon())
  byId("answers").addEventListener("click", ({ target }) => {
    if (!target.closest("[data-discuss]")) return
    dialog.close() // it covers the panel
    discuss(target.closest(".answer-card").dataset.run)
  })
  byId("activity").addEventListener("open-run", ({ detail }) => location.assign(`${page.urls.experiment}#run-${detail.run}`))
  panel.start()
  return { discuss: (cell) => cell.entry && discuss(cell.entry.id), panel }
}

/** A cell is named as on the board; its answer may be an earlier one, or have no cell any more. */
function placeOf({ answer }, cell, board) {
  if (!answer && !cell) return { words: "An answer", note: "The answer was deleted since.", url: null }
  if (!cell) return { words: "An answer", note: "The board does not show this answer any more.", url: null }
  const number = board.rows.findIndex(({ key }) => key === cell.row) + 1
  return { words: `Column ${board.letter(cell.column)}, input ${number}`, note: "", url: null }
}
