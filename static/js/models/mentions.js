// Names of members in what people write: "@" and some letters find them, "@Name" calls one. Knows no page.

const LONGEST = 40 // characters behind an @ that may still become a name
const SHOWN = 6

/** What is being written before the caret as a name, { from, query }; null when it is none. */
export function queryAt(text, caret) {
  const from = text.lastIndexOf("@", caret - 1)
  if (from === -1 || caret - from > LONGEST) return null
  const query = text.slice(from + 1, caret)
  const isInWord = /[\p{L}\p{N}]/u.test(text[from - 1] ?? "") // an address of mail, not a name
  return isInWord || /\n/.test(query) ? null : { from, query }
}

/** The people whose name, or a part of it, begins with `query`; a few. */
export function matching(people, query) {
  const wanted = query.toLocaleLowerCase()
  const begins = ({ name }) => ` ${name.toLocaleLowerCase()}`.includes(` ${wanted}`)
  return people.filter(begins).slice(0, SHOWN)
}

/** The text with a name in place of what was being written, and where the caret goes. */
export function complete(text, caret, begin, name) {
  const rest = text.slice(caret)
  const begun = `${text.slice(0, begin)}@${name}${/^\s/.test(rest) ? "" : " "}`
  return { text: begun + rest, caret: begun.length }
}

/** The ids of those whom a text calls. */
export const calledIn = (text, people) => [...new Set(pieces(text, people).flatMap(({ id }) => id ?? []))]

/** A text as pieces, [{ text, id }], where `id` says who is called by this piece; of two names the longer one counts. */
export function pieces(text, people) {
  const longestFirst = [...people].sort((one, other) => other.name.length - one.name.length)
  const found = []
  let from = 0
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    const called = longestFirst.find(({ name }) => isNamed(text, at, name))
    if (!called) continue
    found.push({ text: text.slice(from, at), id: null }, { text: `@${called.name}`, id: called.id })
    from = at + called.name.length + 1
  }
  return [...found, { text: text.slice(from), id: null }].filter((piece) => piece.text !== "")
}

const isNamed = (text, at, name) => text.startsWith(name, at + 1) && !/[\p{L}\p{N}]/u.test(text[at + 1 + name.length] ?? "")
