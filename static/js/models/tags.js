// Lists of tags: what typing and removing make of them. The case of a name makes no other tag.

const key = (name) => name.toLowerCase()

/** The names in `text`, which commas divide. */
export const namesIn = (text) => text.split(",").map((name) => name.trim().replace(/\s+/g, " ")).filter(Boolean)

/** `tags` with those of `text` behind them, as `known` spells them; one that is there stays as it is. */
export function withNames(tags, text, known = []) {
  const spelled = new Map(known.map((name) => [key(name), name]))
  const all = [...tags, ...namesIn(text).map((name) => spelled.get(key(name)) ?? name)]
  return [...new Map(all.toReversed().map((name) => [key(name), name])).values()].reverse()
}

/** What can still be added. */
export function suggested(tags, known) {
  const had = new Set(tags.map(key))
  return known.filter((name) => !had.has(key(name)))
}
