// The page of a comparison: makes the parts and connects them. Parts do not know each other.

import { connectActs } from "./comparison/acts.js";
import { connectDiscussion } from "./comparison/discussion.js";
import { ColumnEditor } from "./comparison/editor.js";
import { connectPresence } from "./comparison/presence.js";
import { BoardBar } from "./controllers/board_bar.js";
import { BoardRuns } from "./controllers/board_runs.js";
import { BoardTable } from "./controllers/board_table.js";
import { BoardVotes } from "./controllers/board_votes.js";
import { BringRows } from "./controllers/bring_rows.js";
import { CellDialog } from "./controllers/cell_dialog.js";
import { CodeDialog } from "./controllers/code_dialog.js";
import { ColumnTabs } from "./controllers/column_tabs.js";
import { PageRights } from "./controllers/page_rights.js";
import { Results } from "./controllers/results.js";
import { connectRowScroll } from "./controllers/row_scroll.js";
import { connectSaving } from "./controllers/save_state.js";
import { ShareDialog } from "./controllers/share_dialog.js";
import { connectShading } from "./controllers/shading.js";
import { byId, readData } from "./lib/dom.js";
import { requestJson } from "./lib/http.js";
import { LiveSocket, socketUrl } from "./lib/socket.js";
import { TabMemory } from "./lib/tab_memory.js";
import { debounce } from "./lib/timing.js";
import { Board } from "./models/board.js";
import { BoardView } from "./models/board_view.js";
import { Cells } from "./models/cells.js";
import { commands } from "./models/commands.js";
import { RunWatch } from "./models/run_watch.js";
import { Verdicts } from "./models/verdicts.js";

const TICK = 250 // ms between looks at what changes with time
const STORED = 2000 // ms after which an edit is on the server, where results are worked out

const page = readData("page-data")
const board = new Board({ title: page.comparison.title, board: page.board }, page.limits)
const cells = new Cells(page.user.id)
const verdicts = new Verdicts(page.user.id)
verdicts.load(page)
const view = new BoardView(new TabMemory(`board ${page.comparison.id}`, localStorage))
const titleOf = (name) => page.models.find((model) => model.name === name)?.title ?? name

const rights = new PageRights(page)
const news = { comment: (frame) => panel.hear(frame), cells: (frame) => runs.hear(frame) }
const socket = new LiveSocket(socketUrl(page.urls.socket, location), {
  onState: (state) => [rights, panel].forEach((part) => part.showConnection(state)),
  onError: (frame) => bar.complain(frame.message),
  onRights: (frame) => rights.show(frame),
  onNote: (frame) => news[frame.kind]?.(frame),
})
const watch = new RunWatch({ socket, read: async (id) => (await requestJson("GET", `/runs/${id}/`)).run, user: page.user.id })
const saver = page.may_edit ? connectSaving(board, page) : null
const runs = new BoardRuns({ board, cells, runs: watch, urls: page.urls, comparison: page.comparison.id, saved: () => settled(saver) })
const table = new BoardTable({ board, cells, verdicts, view, titleOf })
const editor = new ColumnEditor({ board, page, runs: watch })
const dialog = new CellDialog({ runs: watch, url: page.urls.experiment_runs, mayRun: page.may_run })
const results = new Results(page.urls.results)
const votes = new BoardVotes({ verdicts, urls: page.urls, changed: () => table.soon(), stored: () => results.refresh(), complain: (message) => bar.complain(message) })
const bring = page.may_edit ? new BringRows(board) : null
const { discuss, panel } = connectDiscussion({ page, board, cells, table, dialog })
const acts = connectActs({ board, cells, table, runs, votes, dialog, editor, view, bring, discuss })
const bar = new BoardBar({ board, cells, runs, table, verdicts, view, addColumn: acts.addColumn, copy })

runs.load(page.cells)
table.draw()
new ColumnTabs(board, byId("board"))
connectRowScroll(byId("board-rows"))
connectShading(commands)
new CodeDialog()
if (page.may_edit) new ShareDialog(commands)
connectDrawing()
connectPresence({ board, page, socket, editor }).addEventListener("arrived", () => runs.look())
window.addEventListener("online", () => socket.hurry())
socket.connect()
bar.applyFilter()
results.load()

function connectDrawing() {
  board.addEventListener("replace", () => runs.look())
  runs.addEventListener("changed", () => table.soon())
  runs.addEventListener("drawn", ({ detail: { entry, change } }) => {
    const cell = table.cell(entry.column, entry.row)
    if (cell?.entry === entry) cell.apply(change)
  })
  runs.addEventListener("ended", ({ detail: { entry } }) => {
    const cell = table.cell(entry.column, entry.row)
    if (cell?.entry === entry) cell.settle()
    if (cells.live.length) return
    table.draw()
    bar.applyFilter()
    results.refresh()
    byId("announcer").textContent = "All answers are there."
  })
  board.addEventListener("change", debounce(() => results.refresh(), STORED))
  setInterval(() => table.tick(performance.now()), TICK)
}

/** The same board once more, without its answers. */
async function copy() {
  await settled(saver)
  location.assign((await requestJson("POST", page.urls.copy, { body: {} })).comparison.url)
}

/** Resolves once the server has the board as it is on the page. */
async function settled(draftSaver) {
  if (!draftSaver) return
  for (let tries = 0; tries < 3 && !draftSaver.isSafe; tries += 1) await draftSaver.flush()
  if (!draftSaver.isSafe) throw new Error("This comparison could not be saved, so nothing was run. See the note at the top.")
}
