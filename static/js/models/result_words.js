// The results of a comparison as people read them. Knows no page.

const NONE = "–"
const minus = (text) => text.replace("-", "−")
const percent = (share) => `${Math.round(share * 100)}%`
const number = (value, digits) => (value == null ? NONE : minus(value.toFixed(digits)))
const rounded = (value) => Math.round(value * 10) / 10
const whole = (value) => (value == null ? NONE : Math.round(value).toLocaleString("en"))

/** Milliseconds as a duration: "85 ms", "1.2 s". */
export function duration(ms) {
  if (ms == null) return NONE
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** What stands in the cells of a column's row; a second thought is a second line. */
export function rowWords({ figures, against_baseline: verdict }) {
  return {
    preferred: verdict ? preferredWords(verdict) : "baseline",
    rows: verdict ? rowCounts(verdict.rows) : "",
    rating: verdict ? ratingWords(verdict.rating) : "",
    logprob: number(figures.logprob_mean, 3),
    latency: figures.latency_ms == null ? NONE : `${duration(figures.latency_ms)}\nfirst token ${duration(figures.first_token_ms)}`,
    tokens: figures.prompt_tokens == null ? NONE : `${whole(figures.prompt_tokens)} → ${whole(figures.completion_tokens)}`,
    distinct: distinctWords(figures, verdict),
  }
}

function preferredWords({ decided, preferred, interval }) {
  if (!decided) return NONE
  return `${percent(preferred)} of ${decided} (${percent(interval[0])} to ${percent(interval[1])})`
}

function rowCounts({ better, worse, tie, both_bad: bad }) {
  return better + worse + tie + bad ? [better, worse, tie, bad].join(" · ") : NONE
}

function ratingWords({ rows, difference, interval }) {
  if (!rows) return NONE
  const sign = difference > 0 ? "+" : ""
  const range = interval ? `${number(interval[0], 2)} to ${number(interval[1], 2)}` : "too few rows for an interval"
  return `${sign}${number(difference, 2)}\n${range}; ${rows} row${rows === 1 ? "" : "s"}`
}

function distinctWords({ answers, samples, distinct, same_as_baseline: same }, verdict) {
  if (!answers) return NONE
  const said = samples > 1 ? [`${rounded(distinct)} of ${rounded(samples)}`] : []
  if (verdict) said.push(`${same} of ${answers} as the baseline`)
  return said.join("\n") || NONE
}

/** What the numbers rest on, in a line. */
export function notes({ votes, blind_votes: blind, outdated_votes: outdated, compared, agreement }) {
  const said = []
  if (votes) said.push(`${counted(votes, "vote")}, ${blind} of them blind.`)
  if (agreement.pairs) said.push(agreementWords(agreement))
  if (outdated) said.push(`${counted(outdated, "vote")} on answers to an earlier prompt ${outdated === 1 ? "is" : "are"} left out.`)
  if (compared > 1) said.push(`The p-values are raised by Holm's method, since ${compared} columns are compared.`)
  if (votes) said.push("Rows are the unit: what several people say of a row counts once. The test is the exact two-sided sign test.")
  return said.join(" ")
}

function agreementWords({ same, pairs }) {
  return `Two people who judged the same answers agreed in ${same} of ${counted(pairs, "case")} (${percent(same / pairs)}, not corrected for chance).`
}

const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`

/** Whether the evidence is enough to name the better column; then the line may stand out. */
export const isDecided = (verdict) => verdict.p_holm != null && verdict.p_holm < 0.05
