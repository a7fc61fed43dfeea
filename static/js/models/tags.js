// Lists of tags: what typing and removing make of them. The case of a name makes no other tag.

const key = (name) => name.toLowerCase()

/** The names in `text`, which commas divide. */
export const namesIn = (text) => text.split(",").map((name) => name.trim().replace(/\s+/g, " ")).filter(Boolean)

/** The names in `text` that are not among `tags` yet, as `known` spells them. */
export function newNames(tags, text, known = []) {
  const had = new Set(tags.map(key))
  const spelled = new Map(known.map((name) => [key(name), name]))
  const all = namesIn(text).filter((name) => !had.has(key(name))).map((name) => spelled.get(key(name)) ?? name)
  return [...new Map(all.toReversed().map((name) => [key(name), name])).values()].reverse()
}

/** What can still be added. */
export function suggested(tags, known) {
  const had = new Set(tags.map(key))
  return known.filter((name) => !had.has(key(name)))
}
