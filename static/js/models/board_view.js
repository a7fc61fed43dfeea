// How one reader looks at a comparison: what is marked, which rows are shown and which are open. Not part of the board.

export class BoardView {
  /** `memory` keeps it over a reload. */
  constructor(memory) {
    this.memory = memory
    const { diff = false, filter = "all", open = [] } = memory.read() ?? {}
    Object.assign(this, { diff, filter, open: new Set(open) })
  }

  setDiff(on) {
    this.diff = on
    this.#keep()
  }

  setFilter(name) {
    this.filter = name
    this.#keep()
  }

  isOpen(row) {
    return this.open.has(row)
  }

  turn(row) {
    if (!this.open.delete(row)) this.open.add(row)
    this.#keep()
  }

  #keep() {
    this.memory.keep({ diff: this.diff, filter: this.filter, open: [...this.open] })
  }
}
