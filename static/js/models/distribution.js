// The distribution of the next token over the whole vocabulary, and what temperature, top-k, top-p and min-p make of it.
// Each step follows transformers' processor of that name: float32 where it has float32, and the same ties. Of tokens that
// tie at the edge of top-p its sort leaves open which stay: here those with the highest ids, as in inference/processors.py.
//
// No step changes the order of the tokens, so each keeps the first few of one order. A logit of 16 bits has few
// values, so tokens of one value are counted once: a redraw costs thousands of operations, not a whole vocabulary.

const COLDEST = 1e-9 // as in the engine: below this, quotients could overflow

export class Distribution {
  #raw
  #tempered

  /** `buffer` has one logit for each token id: float16, little-endian. Sorts them, which is done once. */
  constructor(buffer) {
    const { ids, values, ends } = ranked(new Uint16Array(buffer))
    this.ids = ids // the most likely first; of equal ones the highest id
    this.values = values // the different logits, falling
    this.ends = ends // for each of them, how many tokens have it or a higher one
    this.#raw = weigh(values, 1)
    this.#tempered = { temperature: 1, ...this.#raw }
  }

  get size() {
    return this.ids.length
  }

  /** The id that greedy decoding takes: of equally likely ones the lowest. */
  get greedy() {
    return this.ids[this.ends[0] - 1]
  }

  /**
   * What the settings of a PromptSpec make of the distribution, step by step: raw, temperature, top_k, top_p, and min_p
   * where it is set; raw alone when greedy. Each step has the number of tokens `left`, the share of probability that it
   * and those before it `cut`, its `entropy` in bits, and `probability(place)` of the token at a place of `ids`.
   */
  steps({ mode, temperature, top_k: most, top_p: share, min_p: least = 0 }) {
    const raw = this.#step("raw", this.#raw, this.size)
    if (mode === "greedy") return [raw]
    const tempered = this.#temper(Math.max(temperature, COLDEST))
    const inTopK = this.#topK(tempered, most)
    const inTopP = this.#topP(tempered, inTopK, share)
    const cuts = { temperature: this.size, top_k: inTopK, top_p: inTopP }
    if (least > 0) cuts.min_p = this.#minP(tempered, inTopP, least)
    return [raw, ...Object.entries(cuts).map(([name, left]) => this.#step(name, tempered, left))]
  }

  #temper(temperature) {
    if (this.#tempered.temperature !== temperature) this.#tempered = { temperature, ...weigh(this.values, temperature) }
    return this.#tempered
  }

  /** The k most likely, and all that tie with the last of them. */
  #topK({ scores }, most) {
    if (most < 1 || most >= this.size) return this.size
    let at = this.#valueAt(most - 1)
    while (scores[at + 1] === scores[at]) at += 1
    return this.ends[at]
  }

  /** The fewest of the first `left` that reach `share`: cut are those up to which, from behind, at most the rest comes. */
  #topP({ weights, scores }, left, share) {
    if (share >= 1) return left
    const { sum } = this.#totals({ weights, scores }, left)
    const allowed = Math.fround(1 - share)
    let tail = 0
    for (let at = this.#valueAt(left - 1); at >= 0; at -= 1) {
      const each = Math.fround(weights[at] / sum)
      const first = at ? this.ends[at - 1] : 0
      const whole = tail + each * (Math.min(left, this.ends[at]) - first)
      if (Math.fround(whole) > allowed || at === 0) return this.#edge({ tail, each, allowed }, first, Math.min(left, this.ends[at]))
      tail = whole
    }
    return 1
  }

  /** How many stay when the cut falls between the tokens `first` to `end`, which are equally likely. */
  #edge({ tail, each, allowed }, first, end) {
    let left = end
    while (left > Math.max(1, first) && Math.fround((tail += each)) <= allowed) left -= 1
    return left
  }

  /** Those of the first `left` that have at least this share of the probability of the most likely one. */
  #minP({ weights, scores }, left, least) {
    const { sum } = this.#totals({ weights, scores }, left)
    const limit = Math.fround(least * Math.fround(weights[0] / sum))
    const at = weights.findIndex((weight) => Math.fround(weight / sum) < limit)
    return at < 1 ? left : Math.min(left, this.ends[at - 1])
  }

  #step(name, tempered, left) {
    const { sum, lean } = this.#totals(tempered, left)
    return {
      name,
      left,
      cut: 1 - sum / this.#totals(tempered, this.size).sum,
      entropy: Math.max(0, Math.log2(sum) - lean / sum / Math.LN2),
      probability: (place) => (place < left ? tempered.weights[this.#valueAt(place)] / sum : 0),
    }
  }

  /** The sum of the first `left` weights, and of their weighted distances from the highest score. */
  #totals({ weights, scores }, left) {
    let sum = 0
    let lean = 0
    for (let at = 0, first = 0; first < left && weights[at] > 0; first = this.ends[at], at += 1) {
      const weight = weights[at] * (Math.min(left, this.ends[at]) - first)
      sum += weight
      lean += weight * (scores[at] - scores[0])
    }
    return { sum, lean }
  }

  /** The index in `values` of the token at a place of `ids`. */
  #valueAt(place) {
    let low = 0
    let high = this.ends.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.ends[middle] > place) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** Scores at a temperature, and the probability of one token of each before it is divided by the sum. */
function weigh(values, temperature) {
  const scores = values.map((value) => value / temperature)
  return { scores, weights: scores.map((score) => Math.exp(score - scores[0])) }
}

/** Ids by falling logit, equal ones by falling id: counted into the 65,536 values that a half can have. */
function ranked(halves) {
  const ends = new Uint32Array(65536)
  for (const half of halves) ends[fallingKey(half)] += 1
  const keys = Uint32Array.from(ends.keys()).filter((key) => ends[key])
  for (let key = 1; key < ends.length; key += 1) ends[key] += ends[key - 1]
  const values = Float32Array.from(keys, valueOf)
  const result = { values, ends: Uint32Array.from(keys, (key) => ends[key]), ids: new Uint32Array(halves.length) }
  halves.forEach((half, id) => (result.ids[(ends[fallingKey(half)] -= 1)] = id))
  return result
}

/** Falls as the value of a half rises, and is its own inverse; both zeros are one. */
const fallingKey = (half) => (half > 0x8000 ? half : 0x7fff ^ (half & 0x7fff))

/** The number that the half of a key stands for. */
function valueOf(key) {
  const half = fallingKey(key)
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  const size = exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction
  return (half & 0x8000 ? -1 : 1) * (exponent === 31 ? (fraction ? NaN : Infinity) : size)
}
