import assert from "node:assert/strict"
import { test } from "node:test"

import { cutTrailing, revealed, sizeWords, stretchesOf, tokenWords } from "../../static/js/models/exact_text.js"

/** Tokens of one text, each beginning where the last one ended. */
function tokensOf(...given) {
  let at = 0
  return given.map(([text, part = "format", special = false]) => {
    const start = at
    at += [...text].length
    return { id: 7, text, part, special, start, end: at }
  })
}

test("neighbours of one part are one stretch, special tokens stand alone", () => {
  const tokens = tokensOf(["<s>", "format", true], ["<u>", "format", true], ["\n"], ["a", "input"], [" b", "input"], ["c", "example:0"])
  const stretches = stretchesOf(tokens, "<s><u>\na bc")
  assert.deepEqual(stretches.map(({ text }) => text), ["<s>", "<u>", "\n", "a b", "c"])
  assert.deepEqual(stretches.flatMap((stretch) => stretch.tokens.map(({ index }) => index)), [0, 1, 2, 3, 4, 5])
})

test("stretches have the whole text, whatever the tokens stand for", () => {
  const begin = { id: 1, text: "<s>", part: "format", special: true, start: 0, end: 0 }
  const word = { id: 2, text: "🙂", part: "input", special: false, start: 1, end: 2 }
  const piece = { ...word, text: "" }
  const stretches = stretchesOf([begin, word, piece], " 🙂 z")
  assert.deepEqual(stretches.map(({ part, text, name }) => [part, text, name]), [
    ["format", "", "<s>"], ["gap", " ", undefined], ["input", "🙂", undefined], ["gap", " z", undefined],
  ])
  assert.equal(stretches[2].tokens.length, 2)
})

test("what leaves no ink gets a mark, and the text stays what it is", () => {
  const text = "a  b\t\n\u200b\u202ecba\u202c\u00a0\ufeffe\u0301 שלום\u{e0041}"
  const pieces = revealed(text)
  assert.equal(pieces.map((piece) => piece.text).join(""), text)
  assert.deepEqual(pieces.filter(({ mark }) => mark).map(({ mark }) => mark), [
    "··", "→", "⏎", "ZWSP", "RLO", "PDF", "NBSP", "BOM", "·", "U+E0041",
  ])
  assert.ok(pieces.some((piece) => piece.text === "e\u0301" && piece.mark === ""), "combining text is seen and stays together")
})

test("white space at the end of what people wrote is cut off, that of the layout is not", () => {
  assert.deepEqual(cutTrailing({ part: "input", special: false, text: "one two \n" }), ["one two", " \n"])
  assert.deepEqual(cutTrailing({ part: "format", special: false, text: "\n\n" }), ["\n\n", ""])
  assert.deepEqual(cutTrailing({ part: "input", special: false, text: "one" }), ["one", ""])
})

test("a token tells its place, id, text and part", () => {
  const words = tokenWords({ index: 16, id: 3524, text: " negative", start: 119, end: 128, part: "example:1" }, 1073)
  assert.equal(words, 'token 17 of 1,073 · id 3524 · “ negative” · example 2 · characters 120 to 128')
  assert.match(tokenWords({ index: 0, id: 1, text: " \u202e", start: 0, end: 2, part: "input" }, 3), /“ \[RLO\]”/)
  assert.match(tokenWords({ index: 0, id: 1, text: "<s>", start: 0, end: 0, part: "format", special: true }, 3), /special · stands for no text$/)
  assert.match(tokenWords({ index: 0, id: 1, text: "", start: 4, end: 5, part: "input" }, 3), /further piece .* character 5$/)
})

test("sizes count characters as people do and bytes as the model's file does", () => {
  assert.equal(sizeWords("é🙂", [1, 2, 3]), "3 tokens, 2 characters, 6 bytes")
  assert.equal(sizeWords("a", null), "1 character, 1 byte")
})
