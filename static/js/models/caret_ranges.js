// Cursors and selections of several people in one text, as ranges that do not overlap. Knows no page.

export const CARET = "others-caret"
export const WORDS = "others-words"

/**
 * Of `marks`, [{ colour, anchor, head }] with null for what is not known, in a text of `length` UTF-16 units:
 * [{ start, end, name, colour }] in order. A cursor has no length; where selections overlap, the first one counts.
 */
export function caretRanges(marks, length) {
  const known = marks.filter(({ head }) => head !== null).map(({ colour, anchor, head }) => spanOf(colour, anchor ?? head, head, length))
  const stops = [...new Set(known.flatMap(({ start, end, head }) => [start, end, head]))].sort((one, other) => one - other)
  return stops.flatMap((stop, index) => {
    const carets = known.filter(({ head }) => head === stop).map(({ colour }) => ({ start: stop, end: stop, name: CARET, colour }))
    const next = stops[index + 1]
    const chosen = next === undefined ? null : known.find(({ start, end }) => start <= stop && next <= end)
    return chosen ? [...carets, { start: stop, end: next, name: WORDS, colour: chosen.colour }] : carets
  })
}

function spanOf(colour, anchor, head, length) {
  const [start, end] = [Math.min(anchor, head, length), Math.min(Math.max(anchor, head), length)]
  return { colour, start, end, head: Math.min(head, length) }
}
