// `{{field}}` while typing: which fields a text names, and which names in braces are no fields.
// The rules are those of inference/placeholders.py; the server does the substitution.

const LOOKS_LIKE_A_NAME = /\{\{\s{0,8}([^{}\n]{1,200}?)\s{0,8}\}\}/gu
const WORTH_OFFERING = /^[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}_ .'-]*$/u

/** `{ used, unknown }`: names in `text`, each once, in the order in which they first stand there. */
export function namesIn(text, fields) {
  const known = patternOf(fields)
  const used = new Set()
  const rest = known ? text.replace(known, (_, name) => (used.add(name), "\n")) : text
  const unknown = new Set(Array.from(rest.matchAll(LOOKS_LIKE_A_NAME), ([, name]) => name.normalize("NFC").trim()))
  return { used: [...used], unknown: [...unknown].filter(Boolean) }
}

/** `text` with the field `old` called `fresh`. */
export function renameIn(text, fields, old, fresh) {
  return text.replace(patternOf(fields), (place, name) => (name === old ? `{{${fresh}}}` : place))
}

/** Whether people could have meant a field by this name, rather than a piece of code. */
export function isWorthOffering(name) {
  return WORTH_OFFERING.test(name) && /\p{L}/u.test(name)
}

function patternOf(fields) {
  if (!fields.length) return null
  const names = [...fields].sort((a, b) => b.length - a.length).map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"))
  return new RegExp(`\\{\\{\\s{0,8}(${names.join("|")})\\s{0,8}\\}\\}`, "gu")
}
