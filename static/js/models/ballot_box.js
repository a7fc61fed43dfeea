// Which pair of answers is judged next, and which votes can be taken back. Knows no page.

export class BallotBox {
  /** `pairs` are { key, choice, ... } in their order; a choice of null is a vote that is missing. */
  constructor(pairs) {
    this.pairs = pairs
    this.skipped = new Set()
    this.past = [] // keys, in the order of the votes
  }

  /** The first pair without a vote; skipped ones come last. Null when none is left. */
  get current() {
    const open = this.#open
    return open.find(({ key }) => !this.skipped.has(key)) ?? open[0] ?? null
  }

  get total() {
    return this.pairs.length
  }

  get done() {
    return this.total - this.#open.length
  }

  /** Whether all that is left has been skipped before. */
  get isSecondRound() {
    return this.#open.length > 0 && this.#open.every(({ key }) => this.skipped.has(key))
  }

  get #open() {
    return this.pairs.filter(({ choice }) => choice === null)
  }

  /** Puts a vote on the current pair. */
  vote(choice) {
    const { key } = this.current
    this.#set(key, choice)
    this.past.push(key)
    this.skipped.delete(key)
  }

  /** Leaves the current pair for later; one that was skipped goes behind the other skipped ones. */
  skip() {
    const pair = this.current
    this.skipped.add(pair.key)
    this.pairs = [...this.pairs.filter((other) => other !== pair), pair]
  }

  /** The pair that was judged last, or null. */
  get last() {
    return this.past.at(-1) ?? null
  }

  /** Takes the last vote back: its pair comes next. */
  undo() {
    const key = this.past.pop()
    this.#set(key, null)
    const pair = this.pairs.find((other) => other.key === key)
    this.pairs = [pair, ...this.pairs.filter((other) => other !== pair)]
  }

  #set(key, choice) {
    this.pairs = this.pairs.map((pair) => (pair.key === key ? { ...pair, choice } : pair))
  }
}

/** How one's own votes fall, once the columns are known: [{ column, chosen, passed, tie, both_bad }] against the baseline. */
export function ownTally(pairs, baseline) {
  const found = new Map()
  for (const { choice, columns } of pairs) {
    const column = columns.find((key) => key !== baseline)
    const tally = found.get(column) ?? { column, chosen: 0, passed: 0, tie: 0, both_bad: 0 }
    found.set(column, tally)
    if (choice === "tie" || choice === "both_bad") tally[choice] += 1
    else if (columns[choice === "first" ? 0 : 1] === column) tally.chosen += 1
    else tally.passed += 1
  }
  return [...found.values()]
}

/** The same as a sentence. */
export function tallyWords({ chosen, passed, tie, both_bad: bad }, ours, base) {
  const parts = [`${ours} ${chosen}`, `${base} ${passed}`, tie && `tie ${tie}`, bad && `both bad ${bad}`]
  return parts.filter(Boolean).join(" · ")
}
