// The versions of an experiment, newest first: those that people saved or restored, and automatic ones between them. Knows no page.

const FOLDED = 2 // automatic versions in a row from which on they are folded

export class VersionList {
  constructor() {
    this.rows = []
    this.more = false
  }

  reset({ versions, more }) {
    Object.assign(this, { rows: versions, more })
  }

  extend({ versions, more }) {
    Object.assign(this, { rows: [...this.rows, ...versions], more })
  }

  get last() {
    return this.rows.at(-1)?.number
  }

  find(id) {
    return this.rows.find((row) => row.id === id)
  }
}

/** Whether somebody meant this version to be kept; a run alone makes one by itself. */
export const isSaved = (version) => version.saved_at !== null || version.restored_from !== null

/** Rows as they are shown: [{ rows, folded }], where several automatic ones in a row are folded together. */
export function folds(rows) {
  const groups = []
  for (const row of rows) {
    const last = groups.at(-1)
    if (last && !isSaved(row) && !isSaved(last.rows[0])) last.rows.push(row)
    else groups.push({ rows: [row] })
  }
  return groups.map(({ rows: own }) => ({ rows: own, folded: own.length >= FOLDED }))
}

/** What a fold says about itself. */
export function foldWords(rows) {
  return `${rows.length} automatic versions, v${rows.at(-1).number} to v${rows[0].number}`
}

/** What stands where a label would. */
export function titleOf({ label, restored_from: origin }) {
  return label || (origin === null ? "automatic" : `restored from v${origin}`)
}

export const runsWords = (count) => (count === 1 ? "1 run" : `${count.toLocaleString("en")} runs`)

/** The names by which programs run it. */
export const publishedWords = ({ published }) => (published.length ? `published as ${published.join(" and ")}` : "")

/** A version in a line. */
export const versionName = (version) => `v${version.number} · ${titleOf(version)} · ${version.author}`
