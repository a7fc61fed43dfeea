import assert from "node:assert/strict"
import { test } from "node:test"

import { aboutWords, find, placeOf, quoteOf, textsOf } from "../../static/js/models/anchors.js"

const draft = (changes = {}) => ({
  scope: "Reviews of a shop",
  spec: {
    instruction: "Say whether the review is good or bad.", fields: ["review"], output_name: "label", input: { review: "It broke." },
    examples: [{ id: "a", values: { review: "good shoes" }, output: "good" }, { id: "b", values: { review: "bad shoes" }, output: "bad" }],
    ...changes,
  },
})
const marked = (text, quote) => {
  const at = find(text, quote)
  return at && `${text.slice(0, at.start)}[${text.slice(at.start, at.end)}]${text.slice(at.end)}${at.isSame ? "" : "?"}`
}

test("a selection is quoted without the white space around it, with its surroundings", () => {
  const text = "Say whether it is good or bad."
  assert.deepEqual(quoteOf(text, 17, 22), { text: "good", before: "Say whether it is ", after: " or bad.", offset: 18 })
  assert.equal(quoteOf("a   b", 1, 4), null)
  assert.equal(quoteOf("", 0, 0), null)
})

test("a quote never holds half a character, and has an end", () => {
  const smiles = "🙂".repeat(600)
  const { text, before, after } = quoteOf(smiles, 82, 1200)
  for (const part of [text, before, after]) assert.ok(part.isWellFormed() && part.length > 0)
  assert.equal(text.length, 500)
  const odd = quoteOf(`x${smiles}`, 83, 1200)
  for (const part of Object.values(odd)) if (typeof part === "string") assert.ok(part.isWellFormed())
})

test("words are found again after edits before, behind and beside them", () => {
  const quote = quoteOf("Say good or bad.", 4, 8)
  assert.equal(marked("Say good or bad.", quote), "Say [good] or bad.")
  assert.equal(marked("Please, in one word, say good or bad.", quote), "Please, in one word, say [good] or bad.")
  assert.equal(marked("good", quote), "[good]")
})

test("of several places the surroundings decide, then the distance", () => {
  const text = "a good start, a good end"
  assert.equal(marked(`A new line. ${text}`, quoteOf(text, 16, 20)), "A new line. a good start, a [good] end")
  assert.equal(marked("x x x x", { text: "x", before: "", after: "", offset: 4 }), "x x [x] x")
})

test("words that are gone leave the place where they were", () => {
  const quote = quoteOf("Say whether it is good or bad.", 18, 22)
  assert.equal(marked("Say whether it is kind or bad.", quote), "Say whether it is [kind] or bad.?")
  assert.equal(marked("Say whether it is  or bad.", quote), "Say whether it is [] or bad.?")
  assert.equal(marked("Something else entirely", quote), null)
  assert.equal(marked("", quote), null)
  assert.equal(marked("kind", quoteOf("good", 0, 4)), "[kind]?", "all of the text was quoted")
})

test("a random edit elsewhere never loses the words", () => {
  let seed = 7
  const random = (below) => ((seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31) * below | 0
  const words = "one two three four five six seven eight nine ten".split(" ")
  for (let round = 0; round < 500; round += 1) {
    const text = Array.from({ length: 12 }, () => words[random(10)]).join(" ")
    const start = random(text.length - 6)
    const quote = quoteOf(text, start, start + 6)
    const at = random(quote.offset + 1)
    const edited = `${text.slice(0, at)}<${random(1000)}>${text.slice(at)}`
    const found = find(edited, quote)
    assert.ok(found.isSame)
    assert.equal(found.start, quote.offset + edited.length - text.length, `${text} / ${edited}`)
  }
})

test("every text of the draft has a path", () => {
  const paths = textsOf(draft()).map(({ path, words }) => `${path}: ${words}`)
  assert.deepEqual(paths.slice(0, 4), ["scope: Scope", "instruction: Instruction", "input/review: Input", "example/a/review: Example 1, review"])
  assert.equal(paths.length, 7)
})

const about = (path, text, from, to) => ({ kind: "text", path, quote: quoteOf(text, from, to) })

test("a comment follows its example to another place, and its field to another name", () => {
  const on = about("example/b/review", "bad shoes", 0, 3)
  const { examples } = draft().spec
  const moved = textsOf(draft({ examples: [examples[1], examples[0]] }))
  assert.equal(placeOf(on, moved).words, "Example 1, review")
  const renamed = draft({ fields: ["text"], input: { text: "It broke." }, examples: [{ id: "b", values: { text: "bad shoes" }, output: "x" }] })
  assert.equal(placeOf(on, textsOf(renamed)).words, "Example 1, text")
  assert.equal(placeOf(about("input/review", "It broke.", 3, 8), textsOf(renamed)).path, "input/text")
})

test("what is gone is named", () => {
  const nothing = { texts: textsOf(draft({ examples: [] })), examples: [] }
  assert.equal(aboutWords(about("example/b/review", "bad shoes", 0, 3), nothing), "An example that is gone")
  assert.equal(aboutWords(about("input/other", "Hello", 0, 3), nothing), "A field of the input that is gone")
  assert.equal(aboutWords(about("instruction", "Other words here", 0, 5), nothing), "Instruction")
  assert.equal(aboutWords({ kind: "example", example: "a" }, nothing), "An example that is gone")
  assert.equal(aboutWords({ kind: "run", run: null }, nothing), "An answer that was deleted")
  assert.equal(aboutWords({ kind: "run", run: "r", answer: { deleted: true } }, nothing), "An answer that was deleted")
  assert.match(aboutWords({ kind: "run", run: "r", answer: { queued_at: "2026-01-02T10:00:00Z" } }, nothing), /^Answer, .*2026/)
})
