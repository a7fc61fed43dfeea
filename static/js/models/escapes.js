// Stop strings as people type them: one per line, with visible escapes for what cannot be seen.

const NAMES = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\" }
const CHARACTERS = { n: "\n", t: "\t", r: "\r", "\\": "\\" }

/** Text with its invisible characters written out. */
export const escapeText = (text) => text.replace(/[\n\t\r\\]/g, (character) => NAMES[character])

/** The text that `escapeText` wrote out; a backslash before anything else stays as it is. */
export const unescapeText = (text) => text.replace(/\\([ntr\\])/g, (_, name) => CHARACTERS[name])

export const showStops = (stops) => stops.map(escapeText).join("\n")

/** The stop strings in `text`: empty lines and repeats are left out. */
export function readStops(text) {
  return [...new Set(text.split("\n").filter(Boolean).map(unescapeText))]
}

/** What is wrong with `stops`, as a sentence, or "". */
export function faultInStops(stops, { stop_strings: most, stop_string_chars: longest }) {
  if (stops.length > most) return `At most ${most} stop strings.`
  const long = stops.find((stop) => [...stop].length > longest)
  return long ? `A stop string has at most ${longest} characters.` : ""
}
