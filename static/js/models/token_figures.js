// Figures of tokens and whole answers. A record is { t, id, lp, rank, top }; `lp` is the natural logarithm of the
// probability in the raw softmax, before temperature, top-k and top-p. A record of unknown figures has no `lp`. Those of
// a remote model have no `id` and no `rank`, and an `lp` of null where its server gives none.

const STEPS = [0.05, 0.2, 0.5, 0.9]
const SIGNS = { "\n": "⏎", "\r": "␍", "\t": "⇥", " ": "·" }
const NAMES = { "\n": "line break", "\r": "carriage return", "\t": "tab", " ": "space" }
const LEAST_SCALE = 4 // bits; a sure answer must not look like a mountain range

export const isKnown = (token) => token.lp !== undefined && token.lp !== null

/** Whether the answer of a remote model came without figures. */
export const lacksFigures = (tokens) => tokens.some((token) => token.lp === null) && !tokens.some(isKnown)

/** Whether an answer could go on from this token: that takes an id. */
export const isOurs = (token) => token.id !== undefined && token.id !== null

/** How surprising something of this log-probability is, in bits; 0 is certain. */
export const bitsOf = (lp) => (lp === 0 ? 0 : -lp / Math.LN2)

/** The step of the shading, 0 (hardly likely) to 4 (nearly certain). */
export const stepOf = (probability) => STEPS.filter((limit) => probability >= limit).length

/** A probability for people: three decimals, or two digits where those would say 0. */
export function showProbability(probability) {
  if (probability >= 0.0005 || probability === 0) return probability.toFixed(3)
  return probability.toExponential(1)
}

/** The text of a token with its white space as signs; a mark without its letter gets a place to sit on. */
export function visible(text) {
  if (text === "") return "part of a character"
  return text.replace(/[\n\r\t ]/g, (character) => SIGNS[character]).replace(/^\p{M}/u, "◌$&")
}

/** The text of a token for those who hear it. */
export function spoken(text) {
  if (text === "") return "part of a character"
  return text.trim() || [...text].map((character) => NAMES[character] ?? character).join(", ")
}

/** A token in one sentence; `at` counts from 0. */
export function sentenceOf(token, at) {
  const place = `token ${at + 1}`
  const given = token.given ? ", given" : ""
  if (!isKnown(token)) return `${spoken(token.t)}, ${place}${given}`
  const rank = token.rank ? `, rank ${token.rank}` : ""
  return `${spoken(token.t)}, ${place}${given}, probability ${showProbability(Math.exp(token.lp))}${rank}`
}

/**
 * What could stand in a token's place: { id, text, probability, rank, taken }, the most likely first, with the token
 * itself wherever it ranks; `rest` is the probability of all other tokens together.
 */
export function alternativesOf(token) {
  const isTaken = (id, text) => (isOurs(token) ? id === token.id : text === token.t)
  const rows = (token.top ?? []).map(([id, text, lp], index) => ({ id, text, probability: Math.exp(lp), rank: index + 1, taken: isTaken(id, text) }))
  if (isKnown(token) && !rows.some((row) => row.taken)) {
    rows.push({ id: token.id, text: token.t, probability: Math.exp(token.lp), rank: token.rank, taken: true })
  }
  const rest = 1 - rows.reduce((sum, row) => sum + row.probability, 0)
  return { rows, rest: Math.max(0, rest) }
}

/** Figures of a whole answer, over its tokens with known probability; null when there are none. */
export function summaryOf(tokens) {
  const known = tokens.filter(isKnown).map((token) => token.lp)
  if (!known.length) return null
  const total = known.reduce((sum, lp) => sum + lp, 0)
  const mean = known.reduce((sum, lp) => sum + Math.exp(lp), 0) / known.length
  return { count: known.length, total, perplexity: Math.exp(-total / known.length), mean }
}

export function summaryWords({ total, perplexity, mean }) {
  const size = perplexity < 1000 ? perplexity.toFixed(2) : perplexity.toExponential(1)
  return `log p ${total.toFixed(2).replace("-", "−")} · perplexity ${size} · mean p ${showProbability(mean)}`
}

/** What the line of surprises shows, in one sentence. */
export function surpriseWords(tokens) {
  const bits = tokens.map((token) => (isKnown(token) ? bitsOf(token.lp) : -1))
  const most = bits.reduce((best, value, at) => (value > bits[best] ? at : best), 0)
  const count = tokens.filter(isKnown).length
  const where = `most at token ${most + 1} (${spoken(tokens[most].t)}): ${bits[most].toFixed(1)} bits`
  return `Surprisal of ${count} token${count === 1 ? "" : "s"}, ${where}`
}

/**
 * Bars for an SVG of `columns` x `height`: at most one for each column, as high as the most surprising of its tokens.
 * `at` of a bar is the token that it shows.
 */
export function barsOf(tokens, columns, height) {
  const bits = tokens.map((token) => (isKnown(token) ? bitsOf(token.lp) : 0))
  const scale = Math.max(LEAST_SCALE, ...bits)
  const count = Math.min(columns, bits.length)
  return Array.from({ length: count }, (_, column) => {
    const from = Math.floor((column * bits.length) / count)
    const to = Math.floor(((column + 1) * bits.length) / count)
    let at = from
    for (let next = from + 1; next < to; next += 1) if (bits[next] > bits[at]) at = next
    return { at, from, to, x: (column * columns) / count, width: columns / count, height: Math.max(0.5, (bits[at] / scale) * height) }
  })
}

/** The outline of those bars as the `d` of an SVG path, with a gap between them where there is room. */
export function pathOf(bars, height) {
  return bars
    .map((bar) => `M${round(bar.x)} ${height}V${round(height - bar.height)}h${round(bar.width * (bar.width > 2 ? 0.8 : 1))}V${height}Z`)
    .join("")
}

const round = (number) => Math.round(number * 100) / 100
