// Text as a table of texts: CSV, TSV and other delimiters, JSON Lines, or a JSON list. Every cell is plain text;
// a formula is a text like any other.

export const ROWS_READ = 100_000
export const COLUMNS_READ = 50
const PIECE = 256 * 1024 // characters between two pauses
const LINES = 2000
const GUARDED = /^'(?=[=+\-@\t\r])/ // how exports keep spreadsheets from reading a formula
const DELIMITERS = { ",": "CSV", ";": "CSV with semicolons", "\t": "tab-separated", "|": "separated by bars" }

/**
 * Reads `text`. `pause()` resolves when the page has had its turn; `papa` is Papa Parse.
 * Gives `{ kind, names, rows, notes }`: `names` is null when only the rows can tell.
 */
export async function readTable(text, { papa, pause }) {
  const start = text.trimStart()
  if (start.startsWith("[")) {
    const list = listIn(start)
    if (list) return fromRecords("JSON", list.map((value, index) => ({ value, place: `Entry ${index + 1}` })), [])
  }
  if (start.startsWith("{")) {
    const found = await readLines(text, pause)
    if (found.records.length) return fromRecords("JSON Lines", found.records, found.notes)
  }
  return readDelimited(text, papa, pause)
}

/** The rows of a table that was copied from a spreadsheet. */
export function readCopied(text, papa) {
  const { data } = papa.parse(text.replace(/\r\n?/g, "\n").replace(/\n$/, ""), { delimiter: "\t", newline: "\n" })
  return data
}

// --- delimited

async function readDelimited(text, papa, pause) {
  const rows = []
  const faults = new Set()
  let delimiter = ","
  let wide = 0
  await parsePieces(text, papa, pause, ({ data, errors, meta }) => {
    for (const { code, row } of errors) if (code.endsWith("Quotes")) faults.add(rows.length + row + 1)
    for (const row of data) {
      wide += row.length > COLUMNS_READ
      rows.push(row.slice(0, COLUMNS_READ))
    }
    delimiter = meta.delimiter
    return rows.length <= ROWS_READ
  })
  const notes = [...tooMany(rows), ...tooWide(wide), ...brokenQuotes([...faults]), ...ragged(rows), ...unguard(rows)]
  return { kind: DELIMITERS[delimiter] ?? "delimited", names: null, rows: padded(rows), notes }
}

/** Calls `take` with each piece's result until it returns false. */
function parsePieces(text, papa, pause, take) {
  return new Promise((resolve) => {
    papa.parse(text.replace(/\r\n?/g, "\n"), {
      newline: "\n",
      skipEmptyLines: true, // an empty line would also spoil the guess of the delimiter
      chunkSize: PIECE,
      chunk(results, parser) {
        if (!take(results)) return parser.abort()
        parser.pause()
        pause().then(() => parser.resume(), resolve)
      },
      complete: resolve,
    })
  })
}

function tooMany(rows) {
  if (rows.length <= ROWS_READ) return []
  rows.length = ROWS_READ
  return [`Only the first ${ROWS_READ.toLocaleString("en")} rows were read.`]
}

function tooWide(count) {
  return count ? [`Only the first ${COLUMNS_READ} columns were read.`] : []
}

function brokenQuotes(numbers) {
  if (!numbers.length) return []
  return [`Row ${listed(numbers)}: a quotation mark is not closed or stands in the wrong place, so cells may be cut wrongly.`]
}

function ragged(rows) {
  const width = rows[0]?.length ?? 0
  const short = rows.filter((row) => row.length < width).length
  const long = rows.filter((row) => row.length > width).length
  const count = (number) => (number === 1 ? "1 row has" : `${number.toLocaleString("en")} rows have`)
  return [
    ...(short ? [`${count(short)} fewer cells than the first; what is missing is empty.`] : []),
    ...(long ? [`${count(long)} more cells than the first; they are in columns of their own.`] : []),
  ]
}

/** Takes off the apostrophes that an export put before formulas. */
function unguard(rows) {
  let count = 0
  for (const row of rows) {
    row.forEach((cell, at) => {
      if (!GUARDED.test(cell)) return
      row[at] = cell.slice(1)
      count += 1
    })
  }
  return count ? [`${count === 1 ? "An apostrophe" : `${count} apostrophes`} that guarded a text from being read as a formula left out.`] : []
}

function padded(rows) {
  const width = rows.reduce((most, row) => Math.max(most, row.length), 0)
  for (const row of rows) while (row.length < width) row.push("")
  return rows
}

// --- JSON

function listIn(text) {
  try {
    const list = JSON.parse(text)
    return Array.isArray(list) && list.some(isRecord) ? list : null
  } catch {
    return null
  }
}

async function readLines(text, pause) {
  const records = []
  const bad = []
  let number = 0
  for (let start = 0; start < text.length && records.length < ROWS_READ; ) {
    const end = text.indexOf("\n", start)
    const line = text.slice(start, end < 0 ? text.length : end).trim()
    start = end < 0 ? text.length : end + 1
    number += 1
    if (line) readLine(line, number, records, bad)
    if (number % LINES === 0) await pause()
  }
  const notes = bad.length ? [`Line ${listed(bad)}: not JSON, left out.`] : []
  return { records, notes }
}

function readLine(line, number, records, bad) {
  try {
    records.push({ value: JSON.parse(line), place: `Line ${number}` })
  } catch {
    bad.push(number)
  }
}

const isRecord = (value) => value !== null && typeof value === "object" && !Array.isArray(value)

function fromRecords(kind, found, notes) {
  const odd = found.filter(({ value }) => !isRecord(value)).map(({ place }) => place)
  const talks = { long: 0 }
  const records = found.filter(({ value }) => isRecord(value)).map(({ value }) => (isChat(value) ? fromChat(value, talks) : value))
  const all = new Set()
  for (const record of records) for (const name of Object.keys(record)) all.add(name)
  const names = [...all].slice(0, COLUMNS_READ)
  const rows = records.map((record) => names.map((name) => asText(record[name])))
  return {
    kind: records.length && found.every(({ value }) => isRecord(value) && isChat(value)) ? `${kind}, chats` : kind,
    names,
    rows,
    notes: [
      ...notes,
      ...tooWide(all.size > names.length),
      ...(odd.length ? [`${listed(odd)}: not an object, left out.`] : []),
      ...(talks.long ? [`${talks.long} chats have several turns: the earlier ones stand before the last question.`] : []),
    ],
  }
}

const isChat = ({ messages }) => Array.isArray(messages) && messages.every(isRecord)

/** A chat as system, input and output: the last answer is the output, all turns before it the input. */
function fromChat({ messages, ...rest }, talks) {
  const system = messages.filter(({ role }) => ["system", "developer"].includes(role)).map(contentOf).join("\n")
  const turns = messages.filter(({ role }) => !["system", "developer"].includes(role))
  const last = turns.findLastIndex(({ role }) => role === "assistant")
  const before = last < 0 ? turns : turns.slice(0, last)
  if (before.length > 1) talks.long += 1
  const input = before.length === 1 ? contentOf(before[0]) : before.map((turn) => `${turn.role}: ${contentOf(turn)}`).join("\n")
  return { ...(system ? { system } : {}), input, output: last < 0 ? "" : contentOf(turns[last]), ...rest }
}

/** The text of a message; parts that are no text are shown as JSON, so that nothing vanishes. */
function contentOf({ content }) {
  if (!Array.isArray(content)) return asText(content)
  return content.map((part) => (part?.type === "text" ? asText(part.text) : asText(part))).join("\n")
}

function asText(value) {
  if (value === undefined || value === null) return ""
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}

function listed(items, most = 4) {
  const shown = items.slice(0, most).join(", ")
  return items.length > most ? `${shown} and ${(items.length - most).toLocaleString("en")} more` : shown
}
