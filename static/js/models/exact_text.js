// The exact prompt as pieces to show: stretches of one part, and characters that cannot be seen. No DOM.

import { plain } from "./context.js";

const NAMES = {
  "\n": "⏎", "\r": "CR", "\t": "→", " ": "·", "\u00a0": "NBSP", "\u00ad": "SHY", "\u061c": "ALM", "\u200b": "ZWSP", "\u200c": "ZWNJ",
  "\u200d": "ZWJ", "\u200e": "LRM", "\u200f": "RLM", "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO",
  "\u2028": "LS", "\u2029": "PS", "\u2060": "WJ", "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI", "\ufeff": "BOM",
}
// Spaces in a row are one piece; everything else that leaves no ink is a piece of its own.
const UNSEEN = /( +|[\p{Z}\p{Cc}\p{Cf}\p{DI}])/u
const TRAILING = /[ \t\r\n\u00a0]+$/

/**
 * Neighbouring tokens of one part, and each special token, as { part, special, text, tokens }. Their texts together
 * are `text`: what no token stands for is a stretch of part "gap", and a token that stands for no text has a `name`.
 */
export function stretchesOf(tokens, text) {
  const characters = [...text]
  const stretches = []
  let shown = 0
  const fill = (to) => to > shown && stretches.push({ part: "gap", special: false, text: characters.slice(shown, to).join(""), tokens: [] })
  for (const [index, token] of tokens.entries()) {
    fill(token.start)
    shown = Math.max(shown, token.end)
    add(stretches, token.start === token.end ? { ...token, index, text: "", name: token.text } : { ...token, index })
  }
  fill(characters.length)
  return stretches
}

function add(stretches, token) {
  const last = stretches.at(-1)
  const joins = last && !token.special && !last.special && last.part === token.part
  const stretch = joins ? last : { part: token.part, special: token.special, name: token.name, text: "", tokens: [] }
  if (!joins) stretches.push(stretch)
  stretch.tokens.push(token)
  stretch.text += token.text
}

/** `text` as [{ text, mark }]; `mark` is what to show for characters that cannot be seen, "" for the others. */
export function revealed(text) {
  return text.split(UNSEEN).filter(Boolean).map((piece) => ({ text: piece, mark: UNSEEN.test(piece) ? markOf(piece) : "" }))
}

function markOf(piece) {
  if (piece[0] === " ") return "·".repeat(piece.length)
  const code = piece.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")
  return NAMES[piece] ?? `U+${code}`
}

/** What people wrote, cut before the white space at its end: [text, white space]. */
export function cutTrailing({ part, special, text }) {
  const end = ["format", "gap"].includes(part) || special ? "" : (text.match(TRAILING)?.[0] ?? "")
  return [text.slice(0, text.length - end.length), end]
}

/** A part in words: "example:1" is "example 2". */
export function partName(part) {
  const [kind, index] = part.split(":")
  return index === undefined ? kind : `${kind} ${Number(index) + 1}`
}

/** Names in place of what cannot be seen, but for spaces: a line of words must not change its direction. */
const named = (text) => revealed(text).map((piece) => (piece.mark && !piece.text.startsWith(" ") ? `[${piece.mark}]` : piece.text)).join("")

/** The line about one token. */
export function tokenWords({ index, id, text, start, end, part, special }, count) {
  const place = start === end ? "stands for no text" : end - start === 1 ? `character ${plain(start + 1)}` : `characters ${plain(start + 1)} to ${plain(end)}`
  const shown = text ? `“${named(text)}”` : "a further piece of the same character"
  return [`token ${plain(index + 1)} of ${plain(count)}`, `id ${id}`, shown, special ? "special" : partName(part), place].join(" · ")
}

/** The size of a prompt in words. */
export function sizeWords(text, tokens) {
  const counts = [[[...text].length, "character"], [new TextEncoder().encode(text).length, "byte"]]
  if (tokens) counts.unshift([tokens.length, "token"])
  return counts.map(([count, name]) => `${plain(count)} ${name}${count === 1 ? "" : "s"}`).join(", ")
}
