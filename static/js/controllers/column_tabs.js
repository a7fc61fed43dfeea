// On a phone one column is shown at a time: letters above the board choose it, and a swipe goes to the next.

import { byId, element } from "../lib/dom.js";

const FAR = 60 // px sideways that make a swipe
const STRAIGHT = 0.6 // of that, at most, up or down

export class ColumnTabs {
  constructor(board, table) {
    Object.assign(this, { board, table, shown: null, drawn: "" })
    this.place = byId("column-tabs")
    this.place.addEventListener("click", ({ target }) => target.dataset.column && this.show(target.dataset.column))
    for (const kind of ["change", "replace"]) board.addEventListener(kind, () => this.draw())
    this.#connectSwipe()
    this.draw()
  }

  show(key) {
    this.shown = key
    this.draw()
  }

  draw() {
    const { columns } = this.board
    if (!this.board.column(this.shown)) this.shown = columns[0].key
    const key = columns.map((column) => column.key).join()
    if (key !== this.drawn) {
      this.drawn = key
      this.place.replaceChildren(...columns.map((column) => element("button", { type: "button", "data-column": column.key, text: this.board.letter(column.key) })))
    }
    for (const button of this.place.children) {
      const column = this.board.column(button.dataset.column)
      button.setAttribute("aria-pressed", String(column.key === this.shown))
      button.title = column.title
    }
    this.table.dataset.shown = this.board.letter(this.shown) // the style sheet leaves out the others on a phone
  }

  #connectSwipe() {
    let start = null
    this.table.addEventListener("touchstart", ({ touches }) => (start = touches.length === 1 ? touches[0] : null), { passive: true })
    this.table.addEventListener("touchend", ({ changedTouches: [end] }) => {
      if (!start || this.place.offsetParent === null) return
      const [x, y] = [end.clientX - start.clientX, end.clientY - start.clientY]
      if (Math.abs(x) < FAR || Math.abs(y) > Math.abs(x) * STRAIGHT) return
      const next = this.board.columns[this.board.columns.findIndex(({ key }) => key === this.shown) - Math.sign(x)]
      if (next) this.show(next.key)
    })
  }
}
