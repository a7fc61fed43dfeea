// The bar above the board: run and stop, samples, links, the difference, which rows are shown, and undo.

import { byId, element, say, setText } from "../lib/dom.js";
import { commands } from "../models/commands.js";
import { FILTERS } from "../models/cell_diff.js";
import { progressWords } from "../models/cell_words.js";

export class BoardBar {
  /** `view` is what this reader looks at; `addColumn()` makes a new column, `copy()` another comparison like this. */
  constructor({ board, cells, runs, table, verdicts, view, addColumn, copy }) {
    Object.assign(this, { board, cells, runs, table, verdicts, view })
    this.button = byId("run-all")
    this.filter = byId("row-filter")
    this.#connectRun()
    this.#connectBoard(addColumn)
    this.#connectView()
    this.#register(addColumn, () => copy().catch((error) => this.complain(error.message)))
    runs.addEventListener("changed", () => this.show())
    runs.addEventListener("fault", ({ detail }) => this.complain(detail.message))
    for (const kind of ["change", "replace"]) board.addEventListener(kind, () => this.show())
    this.show()
  }

  complain(message) {
    say(byId("board-fault"), message)
  }

  show() {
    const count = this.cells.count()
    this.live = count.mine > 0 // what others have started is theirs to stop, here as by Esc
    const words = progressWords(count)
    setText(byId("board-note"), words)
    if (this.button) {
      this.button.dataset.live = String(this.live)
      this.button.classList.toggle("btn-primary", !this.live)
      this.button.toggleAttribute("aria-busy", this.runs.submitting)
      byId("board-samples").value = this.board.board.samples
    }
    for (const box of byId("links").querySelectorAll("input")) box.checked = this.board.isLinked(box.value)
    this.#showRoom(count)
  }

  /** Hides the rows that the filter leaves out. Not with every vote: a row must not vanish under the hand. */
  applyFilter() {
    const fits = FILTERS[this.filter.value]
    const voteOn = (...pair) => this.verdicts.voteOn(...pair)
    const rows = this.table.rows()
    for (const row of rows) row.root.hidden = !fits(row, voteOn)
    const hidden = rows.filter(({ root }) => root.hidden).length
    say(byId("rows-hidden"), hidden ? `${hidden} of ${rows.length} inputs are not shown: ${this.filter.selectedOptions[0].textContent} only.` : "")
  }

  #connectRun() {
    if (!this.button) return
    this.button.addEventListener("click", () => (this.live ? this.runs.stop() : this.runs.run()))
    const most = this.board.limits.samples
    byId("board-samples").append(...Array.from({ length: most }, (_, index) => element("option", { value: index + 1, text: `×${index + 1}` })))
    byId("board-samples").addEventListener("change", ({ target }) => this.board.setSamples(Number(target.value)))
  }

  #connectBoard(addColumn) {
    const { board } = this
    byId("add-column")?.addEventListener("click", addColumn)
    byId("add-row")?.addEventListener("click", () => this.#addRow())
    byId("links").addEventListener("change", ({ target }) => board.setLink(target.value, target.checked))
    byId("board-undo").addEventListener("click", () => board.undo())
    board.addEventListener("undoable", () => {
      const held = document.activeElement === byId("board-undo")
      byId("board-undo-words").textContent = board.words
      byId("board-undo").hidden = !board.words
      if (held) byId("add-column")?.focus()
    })
    const title = byId("comparison-title")
    title.addEventListener("input", () => board.change(() => (board.title = title.value)))
    board.addEventListener("replace", () => (title.value = board.title))
    const echo = () => {
      const name = board.title.trim() || "Comparison"
      for (const place of [byId("crumb-title"), byId("comparison-title-words")]) if (place) place.textContent = name
      document.title = `${name} · Fewshot`
    }
    for (const kind of ["change", "replace"]) board.addEventListener(kind, echo)
  }

  #addRow() {
    const row = this.board.addRow()
    if (!row) return
    this.table.draw()
    document.querySelector(`#board-rows [data-row="${CSS.escape(row.key)}"] textarea`).focus()
  }

  #connectView() {
    byId("show-diff").checked = this.view.diff
    byId("show-diff").addEventListener("change", ({ target }) => {
      this.view.setDiff(target.checked)
      this.table.soon()
    })
    this.filter.value = this.view.filter
    this.filter.addEventListener("change", () => {
      this.view.setFilter(this.filter.value)
      this.applyFilter()
    })
  }

  #register(addColumn, copy) {
    const { board } = this
    const mayRun = () => Boolean(this.button)
    const mayEdit = () => Boolean(byId("add-column"))
    const add = (id, group, title, run, more = {}) => commands.add({ id, group, title, run, ...more })
    add("run-all", "Run", "Run all cells", () => this.runs.run(), { keys: "Mod+Enter", when: () => mayRun() && !this.live })
    add("stop-all", "Run", "Stop my runs", () => this.runs.stop(), { keys: "Escape", when: () => mayRun() && this.live })
    add("show-diff", "Columns", "Mark the differences from the baseline", () => byId("show-diff").click(), { keys: "D" })
    add("add-column", "Columns", "Add a column", addColumn, { when: () => mayEdit() && board.roomForColumns > 0 })
    add("add-row", "Columns", "Add an input", () => this.#addRow(), { when: () => mayEdit() && board.roomForRows > 0 })
    add("bring-rows", "Columns", "Paste inputs from a spreadsheet or a file", () => byId("bring-rows").click(), { when: mayEdit })
    add("copy-comparison", "Experiment", "Make a copy of this comparison", copy, { when: mayEdit })
    add("vote-blind", "Vote", "Vote blind", () => byId("vote-blind").click(), { when: () => Boolean(byId("vote-blind")) })
    for (const option of this.filter.options) {
      add(`rows-${option.value}`, "Page", `Show rows: ${option.textContent}`, () => {
        this.filter.value = option.value
        this.filter.dispatchEvent(new Event("change"))
      }, { when: () => this.filter.value !== option.value })
    }
  }

  #showRoom({ live, ended }) {
    const { board } = this
    if (byId("add-column")) byId("add-column").disabled = board.roomForColumns < 1
    if (byId("add-row")) byId("add-row").disabled = board.roomForRows < 1
    const nothing = live + ended === 0
    say(byId("board-nothing"), nothing && this.button ? "Nothing has been run yet. Change something in one of the columns, then run all." : "")
  }
}
