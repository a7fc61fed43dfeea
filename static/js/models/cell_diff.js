// Answers against those of the baseline: words that differ, and which rows are worth a look.

import { isAnswer, isFault } from "./cells.js";
import { compareTexts } from "./difference.js";

const KEPT = 3000 // comparisons; a board of 12 x 100 fits

/** Word differences that are worked out once: cells are drawn much oftener than their texts change. */
export class CellDiff {
  constructor(compare = compareTexts) {
    Object.assign(this, { compare, known: new Map() })
  }

  /** `before` and `after` as pieces, [{ kind, text }]. */
  of(before, after) {
    const key = `${before.length} ${before}${after}`
    if (!this.known.has(key)) {
      if (this.known.size === KEPT) this.known.delete(this.known.keys().next().value)
      this.known.set(key, this.compare(before, after))
    }
    return this.known.get(key)
  }
}

/** Which rows are shown. A row is { cells: [{ entries, shown, isBaseline }] }; `voteOn(run, against)` gives my vote. */
export const FILTERS = {
  all: () => true,
  different: (row) => {
    const texts = row.cells.map(({ shown }) => (shown && isAnswer(shown) ? shown.text.trim() : null)).filter((text) => text !== null)
    return new Set(texts).size > 1
  },
  failed: (row) => row.cells.some(({ entries }) => entries.some(isFault)),
  unvoted: (row, voteOn) => {
    const base = row.cells.find(({ isBaseline }) => isBaseline)?.shown
    if (!base || !isAnswer(base)) return false
    return row.cells.some(({ shown, isBaseline }) => !isBaseline && shown && isAnswer(shown) && !voteOn(shown.id, base.id))
  },
}
