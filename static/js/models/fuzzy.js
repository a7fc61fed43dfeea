// Finds what people mean from a few letters of it.

const WORD_START = 8
const NEIGHBOUR = 5

/** How well `query` fits `text`, higher is better; -1 if its letters do not occur in this order. */
export function fit(query, text) {
  const [wanted, found] = [plain(query).replace(/\s/g, ""), plain(text)]
  if (!wanted) return 0
  const whole = found.indexOf(plain(query).trim())
  if (whole >= 0) return 1000 - whole + (isStart(found, whole) ? 500 : 0) - found.length / 100
  let [score, place] = [0, -1]
  for (const letter of wanted) {
    const next = nextPlace(found, letter, place + 1)
    if (next < 0) return -1
    score += isStart(found, next) ? WORD_START : next === place + 1 ? NEIGHBOUR : 1
    place = next
  }
  return score - found.length / 100
}

/** `items` that fit `query`, the best first; equal ones keep their order. */
export function ranked(query, items, textOf = (item) => item.title) {
  return items
    .map((item) => ({ item, score: fit(query, textOf(item)) }))
    .filter(({ score }) => score >= 0)
    .sort((one, other) => other.score - one.score)
    .map(({ item }) => item)
}

/** The next word that begins with `letter`, if what is left out could not matter, else the next place of it. */
function nextPlace(text, letter, from) {
  if (text[from] === letter) return from
  for (let at = from; at < text.length; at += 1) if (text[at] === letter && isStart(text, at)) return at
  return text.indexOf(letter, from)
}

const isStart = (text, at) => at === 0 || /[^\p{L}\p{N}]/u.test(text[at - 1])
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
