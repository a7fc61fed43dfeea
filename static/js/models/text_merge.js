// Three texts, the common base and what two people made of it, merged word by word.

import { diff3Merge } from "../../vendor/diff3.js";
import { wordsOf } from "./difference.js";

const MOST_PIECES = 4000 // more are not compared one by one: the time grows with the square of what repeats

/**
 * The merged text as pieces, [{ text } | { base, mine, theirs }]: the latter are places that both changed, each in
 * its own way. Texts that differ too much to be compared are one such place.
 */
export function mergeTexts(base, mine, theirs) {
  if (mine === theirs || theirs === base) return [{ text: mine }]
  if (mine === base) return [{ text: theirs }]
  const split = [wordsOf, linesOf].find((cut) => [base, mine, theirs].every((text) => cut(text).length <= MOST_PIECES))
  if (!split) return [{ base, mine, theirs }]
  return diff3Merge(split(mine), split(base), split(theirs), { excludeFalseConflicts: true }).map(pieceOf)
}

const linesOf = (text) => text.split(/(?<=\n)/)

function pieceOf({ ok, conflict }) {
  if (ok) return { text: ok.join("") }
  const { a, o, b } = conflict
  return { base: o.join(""), mine: a.join(""), theirs: b.join("") }
}

/** What both wrote, one behind the other. */
export function bothTexts(mine, theirs) {
  if (!mine || !theirs) return mine || theirs
  return /\s$/.test(mine) || /^\s/.test(theirs) ? mine + theirs : `${mine} ${theirs}`
}
