// The runs of the history, newest first, and the days of the reader they belong to. Knows no page.

const DAY = { weekday: "long", day: "numeric", month: "long", year: "numeric" }

export class RunList {
  constructor() {
    this.rows = []
  }

  /** Begins anew with a page of rows. */
  reset({ runs, more }) {
    this.rows = runs
    this.more = more
  }

  /** Takes the newest page again: new runs come to the front, known ones are as they stand now, older ones stay. */
  refresh({ runs, more }) {
    const fresh = new Set(runs.map(({ id }) => id))
    const older = this.rows.filter(({ id }) => !fresh.has(id))
    const last = runs.at(-1)
    const below = last ? older.filter((row) => row.queued_at <= last.queued_at) : [] // above it: not found any more
    this.rows = [...runs, ...below]
    if (!below.length) this.more = more
  }

  /** Takes one row as it stands now. */
  put(row) {
    const known = this.rows.find(({ id }) => id === row.id)
    if (known) return Object.assign(known, row)
    const older = this.rows.findIndex((other) => other.queued_at <= row.queued_at)
    this.rows.splice(older < 0 ? this.rows.length : older, 0, row)
  }

  /** Puts the next older page at the end. */
  extend({ runs, more }) {
    this.rows = [...this.rows, ...runs]
    this.more = more
  }

  get last() {
    return this.rows.at(-1)?.id
  }
}

/** Rows under the headings of their days, [{ label, rows }]: days of the reader's own clock. */
export function byDay(rows, now = new Date(), momentOf = ({ queued_at: moment }) => moment) {
  const groups = []
  for (const row of rows) {
    const label = dayName(new Date(momentOf(row)), now)
    if (groups.at(-1)?.label !== label) groups.push({ label, rows: [] })
    groups.at(-1).rows.push(row)
  }
  return groups
}

function dayName(moment, now) {
  const days = Math.round((midnight(now) - midnight(moment)) / 86400000) // rounded: days of 23 and 25 hours exist
  return ["Today", "Yesterday"][days] ?? moment.toLocaleDateString("en", DAY)
}

const midnight = (moment) => new Date(moment.getFullYear(), moment.getMonth(), moment.getDate())

/** The day and the hour on the reader's clock; of today the hour alone. */
export function whenWords(moment, now = new Date()) {
  const day = dayName(new Date(moment), now)
  return day === "Today" ? hourOf(moment) : `${day === "Yesterday" ? "yesterday" : new Date(moment).toLocaleDateString([], { dateStyle: "medium" })}, ${hourOf(moment)}`
}

/** The hour of a run on the reader's clock. */
export const hourOf = (moment) => new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })

/** The line beside a run of the history. */
export function rowWords({ settings, prompt_tokens: prompt, completion_tokens: written, user_name: user, model, version, comparison, kind }) {
  const seed = Number.isInteger(settings.seed) ? ` · seed ${settings.seed}` : ""
  const decoding = settings.mode === "sample" ? `sample ${settings.temperature}${seed}` : settings.mode
  const tokens = written ? `${prompt?.toLocaleString("en") ?? "?"} → ${written.toLocaleString("en")} tokens` : ""
  const facts = [kind === "api" && "API", version && `v${version}`, decoding, tokens, user, model, comparison && `in “${comparison.title}”`]
  return facts.filter(Boolean).join(" · ")
}

/** Two runs at most are picked; a third takes the place of the one that was picked first. */
export function pick(picked, id, on) {
  const others = picked.filter((other) => other !== id)
  return on ? [...others, id].slice(-2) : others
}
