// What comments are about: words of the prompt and where they stand now, examples and runs. Knows no page.

import { whenWords } from "./run_list.js";

const CONTEXT = 40 // characters that are kept on either side; as quote_context_chars and quote_chars in playground/limits.py
const MOST = 500
const PLACES = 1000 // at which the words are looked for
const ENOUGH = 4 // characters of surroundings that tell a place from others

/** The texts of a draft that can be commented on: [{ path, words, text, near }], where `near` names those that lie together. */
export function textsOf({ scope, spec }) {
  const one = (path, words, text, near = path) => ({ path, words, text: text ?? "", near })
  const only = spec.fields.length === 1
  return [
    one("scope", "Scope", scope),
    one("instruction", "Instruction", spec.instruction),
    ...spec.fields.map((field) => one(`input/${field}`, only ? "Input" : `Input, ${field}`, spec.input[field], "input")),
    ...spec.examples.flatMap((example, index) => {
      const cell = (column, text) => one(pathOfCell(example.id, column), `Example ${index + 1}, ${column}`, text, `example/${example.id}`)
      return [...spec.fields.map((field) => cell(field, example.values[field])), cell(spec.output_name, example.output)]
    }),
  ]
}

export const pathOfCell = (example, column) => `example/${example}/${column}`

/** The quote of a selection, without the white space around it; null when nothing is left. */
export function quoteOf(text, left, right) {
  const chosen = text.slice(left, right)
  const start = left + chosen.search(/\S|$/)
  const end = cut(text, Math.min(start + MOST, left + chosen.trimEnd().length))
  if (start >= end) return null
  const before = text.slice(cut(text, Math.max(0, start - CONTEXT), 1), start)
  return { text: text.slice(start, end), before, after: text.slice(end, cut(text, end + CONTEXT)), offset: start }
}

/** A place that does not part the two halves of a character; `by` is where to go instead. */
function cut(text, at, by = -1) {
  const isHalf = /[\ud800-\udbff]/.test(text[at - 1] ?? "") && /[\udc00-\udfff]/.test(text[at] ?? "")
  return isHalf ? at + by : Math.min(at, text.length)
}

/** Where the quoted words are in `text`, { start, end, isSame }; not the same: where they were. Null when that is gone too. */
export function find(text, quote) {
  const places = placesOf(text, quote.text).map((start) => ({ start, end: start + quote.text.length, isSame: true }))
  if (!places.length) return between(text, quote)
  const score = ({ start, end }) => alikeBefore(text, start, quote.before) + alikeAfter(text, end, quote.after)
  const ordered = places.map((place) => ({ place, score: score(place), far: Math.abs(place.start - quote.offset) }))
  return ordered.reduce((best, one) => (one.score > best.score || (one.score === best.score && one.far < best.far) ? one : best)).place
}

function placesOf(text, words) {
  const found = []
  for (let at = text.indexOf(words); at !== -1 && found.length < PLACES; at = text.indexOf(words, at + 1)) found.push(at)
  return found
}

function alikeBefore(text, at, before) {
  let count = 0
  while (count < before.length && text[at - 1 - count] === before.at(-1 - count)) count += 1
  return count
}

function alikeAfter(text, at, after) {
  let count = 0
  while (count < after.length && text[at + count] === after[count]) count += 1
  return count
}

/** The place between the surroundings of words that are gone. */
function between(text, { text: words, before, after, offset }) {
  const tells = (side) => side === "" || side.length >= ENOUGH
  if (!text.trim() || !tells(before) || !tells(after)) return null
  const starts = before ? placesOf(text, before).map((at) => at + before.length) : [0]
  const reach = 2 * words.length + CONTEXT
  const found = starts
    .map((start) => ({ start, end: after ? text.indexOf(after, start) : text.length, isSame: false }))
    .filter(({ start, end }) => end >= start && end - start <= reach)
  const far = ({ start }) => Math.abs(start - offset)
  return found.sort((one, other) => far(one) - far(other))[0] ?? null
}

/**
 * The place of a comment on words: { path, words, start, end, isSame }. When the field has another name now, or the words have
 * moved to a neighbour, it is found there. Null when they are nowhere.
 */
export function placeOf({ path, quote }, texts) {
  const own = texts.find((text) => text.path === path)
  const home = own?.near ?? path.slice(0, path.lastIndexOf("/"))
  const found = [own, ...texts.filter(({ near }) => near === home && near !== "")].flatMap((text) => (text ? { text, at: find(text.text, quote) } : []))
  const best = found.find(({ at }) => at?.isSame) ?? found.find(({ text, at }) => text === own && at)
  return best ? { path: best.text.path, words: best.text.words, ...best.at } : null
}

/** What stands over a thread: where it belongs, in words. `texts` are those of the draft, `examples` its examples. */
export function aboutWords(about, { texts, examples }) {
  if (about.kind === "example") {
    const index = examples.findIndex(({ id }) => id === about.example)
    return index === -1 ? "An example that is gone" : `Example ${index + 1}`
  }
  if (about.kind === "text") return placeOf(about, texts)?.words ?? goneWords(about, texts)
  if (about.kind === "run") return answerWords(about)
  if (about.kind === "comparison") return "The comparison"
  return "The experiment"
}

function answerWords({ run, answer }) {
  if (!run || answer?.deleted) return "An answer that was deleted"
  return answer ? `Answer, ${whenWords(answer.queued_at)}` : "An answer"
}

function goneWords({ path }, texts) {
  const own = texts.find((text) => text.path === path)
  if (own) return own.words
  return path.startsWith("input/") ? "A field of the input that is gone" : "An example that is gone"
}
