import assert from "node:assert/strict"
import { test } from "node:test"

import { isSame, mergeDrafts } from "../../static/js/models/draft_merge.js"
import { mergeOrder, mergeSet } from "../../static/js/models/order_merge.js"
import { bothTexts, mergeTexts } from "../../static/js/models/text_merge.js"

const example = (id, review, output = "good", on = true) => ({ id, values: { review }, output, on })
const settings = { max_new_tokens: 16, mode: "greedy", temperature: 0.7, stop: [] }
const base = {
  title: "Reviews", scope: "Label reviews.", inputs: [{ review: "Fine." }, { review: "Poor." }],
  spec: {
    schema: 1, instruction: "Say whether the review is good or bad.", fields: ["review"], output_name: "label", layout: "plain", model: "m", settings,
    examples: [example("a", "one two three"), example("b", "four five six"), example("c", "seven eight nine")], input: { review: "ten eleven twelve" },
  },
}
/** The base after `edit(draft, spec)`. */
const after = (edit) => {
  const draft = structuredClone(base)
  edit(draft, draft.spec)
  return draft
}
const merged = (mine, theirs) => mergeDrafts(base, after(mine), after(theirs))
const nothing = () => {}
const ids = ({ spec }) => spec.examples.map(({ id }) => id).join("")

test("what only one side changed is taken", () => {
  const edits = [
    (draft) => (draft.title = "Shop reviews"),
    (draft) => (draft.scope = ""),
    (draft, spec) => (spec.instruction = ""),
    (draft, spec) => (spec.settings.stop = ["\n"]),
    (draft, spec) => (spec.model = "n"),
    (draft, spec) => (spec.shots = 2),
    (draft, spec) => spec.examples.splice(1, 1),
    (draft, spec) => spec.examples.reverse(),
    (draft, spec) => spec.examples.push(example("d", "new")),
    (draft, spec) => (spec.examples[0].on = false),
    (draft, spec) => (spec.input.review = "other"),
    (draft) => draft.inputs.push({ review: "So so." }),
    (draft) => draft.inputs.shift(),
    (draft, spec) => (spec.output_name = "sentiment"),
    (draft, spec) => {
      spec.fields.push("title")
      for (const { values } of spec.examples) values.title = "t"
    },
  ]
  for (const edit of edits) {
    for (const pair of [[edit, nothing], [nothing, edit], [edit, edit]]) {
      const { clashes, build } = merged(...pair)
      assert.deepEqual(clashes, [], String(edit))
      assert.ok(isSame(build(), after(edit)), `${edit}\n${JSON.stringify(build())}`)
    }
  }
})

test("changes of different fields and examples are put together", () => {
  const mine = (draft, spec) => {
    draft.title = "Mine"
    spec.examples[0].output = "bad"
    spec.settings.temperature = 1
    spec.examples.push(example("m", "mine"))
  }
  const theirs = (draft, spec) => {
    draft.scope = "Theirs."
    spec.examples[2].values.review = "seven"
    spec.settings.max_new_tokens = 8
    spec.examples.unshift(example("t", "theirs"))
    spec.examples.splice(2, 1) // b
  }
  const { clashes, build } = merged(mine, theirs)
  const draft = build()
  assert.deepEqual(clashes, [])
  assert.deepEqual([draft.title, draft.scope, ids(draft)], ["Mine", "Theirs.", "tacm"])
  assert.deepEqual([draft.spec.settings.temperature, draft.spec.settings.max_new_tokens], [1, 8])
  assert.deepEqual([draft.spec.examples[1].output, draft.spec.examples[2].values.review], ["bad", "seven"])
})

test("words of one text are put together where they do not overlap", () => {
  const { clashes, build } = merged(
    (draft, spec) => (spec.instruction = "Please say whether the review is good or bad."),
    (draft, spec) => (spec.instruction = "Say whether the review is good, fair or bad."),
  )
  assert.equal(clashes.length, 0)
  assert.equal(build().spec.instruction, "Please say whether the review is good, fair or bad.")
})

test("words that both changed clash, and both stay until somebody chooses", () => {
  const { clashes, build } = merged(
    (draft, spec) => (spec.instruction = "Say whether the review is glad or bad."),
    (draft, spec) => (spec.instruction = "Say whether the review is kind or bad."),
  )
  assert.deepEqual(clashes, [{ id: "c1", where: "Instruction", base: " good", mine: " glad", theirs: " kind", options: ["both", "mine", "theirs"] }])
  const texts = ["both", "mine", "theirs"].map((choice) => build({ c1: choice }).spec.instruction)
  assert.deepEqual(texts, ["glad kind", "glad", "kind"].map((words) => `Say whether the review is ${words} or bad.`))
  assert.equal(build().spec.instruction, texts[0])
})

test("values that both changed clash, and mine stands until somebody chooses", () => {
  const { clashes, build } = merged((draft, spec) => (spec.model = "n"), (draft, spec) => (spec.model = "o"))
  assert.deepEqual(clashes.map(({ where, mine, theirs, options }) => [where, mine, theirs, options]), [["Model", "n", "o", ["mine", "theirs"]]])
  assert.deepEqual([build().spec.model, build({ c1: "theirs" }).spec.model], ["n", "o"])
})

test("an example that one removed and the other changed stays until somebody chooses", () => {
  const remove = (draft, spec) => spec.examples.splice(0, 1)
  const change = (draft, spec) => (spec.examples[0].output = "changed")
  for (const [pair, removed] of [[[remove, change], "mine"], [[change, remove], "theirs"]]) {
    const { clashes, build } = merged(...pair)
    assert.deepEqual([clashes.length, ids(build()), ids(build({ c1: removed }))], [1, "abc", "bc"])
  }
})

test("both moved examples: all are there, in the order that I gave", () => {
  const { build } = merged((draft, spec) => spec.examples.reverse(), (draft, spec) => {
    spec.examples.unshift(spec.examples.splice(1, 1)[0])
    spec.examples.push(example("t", "theirs"))
  })
  assert.equal(ids(build()), "ctba")
})

const rename = (from, to) => (draft, spec) => {
  spec.instruction = spec.instruction.replaceAll(`{{${from}}}`, `{{${to}}}`)
  spec.fields = spec.fields.map((name) => (name === from ? to : name))
  for (const values of [spec.input, ...draft.inputs, ...spec.examples.map(({ values }) => values)]) {
    values[to] = values[from]
    delete values[from]
  }
}

test("a field that one renamed and the other wrote into is one field", () => {
  const write = (draft, spec) => {
    spec.examples[0].values.review = "one two three four"
    spec.examples.push(example("t", "new"))
  }
  for (const pair of [[rename("review", "text"), write], [write, rename("review", "text")]]) {
    const { clashes, build } = merged(...pair)
    const { spec, inputs } = build()
    assert.deepEqual(clashes, [])
    assert.deepEqual(spec.fields, ["text"])
    assert.deepEqual(spec.examples.map(({ values }) => values), ["one two three four", "four five six", "seven eight nine", "new"].map((text) => ({ text })))
    assert.deepEqual([spec.input, inputs.length], [{ text: "ten eleven twelve" }, 2])
  }
})

test("a field that both renamed is one field, and whose name it gets is asked", () => {
  const tell = (draft, spec) => (spec.instruction = "Judge {{review}}.")
  const first = after(tell)
  const [own, other] = ["text", "words"].map((to) => {
    const draft = structuredClone(first)
    rename("review", to)(draft, draft.spec)
    return draft
  })
  other.spec.examples[0].values.words = "changed"
  const { clashes, build } = mergeDrafts(first, own, other)
  assert.deepEqual(clashes, [{ id: "c1", where: "Name of the field review", base: "review", mine: "text", theirs: "words", options: ["mine", "theirs"] }])
  for (const [choices, name] of [[{}, "text"], [{ c1: "mine" }, "text"], [{ c1: "theirs" }, "words"]]) {
    const { spec, inputs } = build(choices)
    assert.deepEqual([spec.fields, spec.instruction], [[name], `Judge {{${name}}}.`])
    assert.deepEqual(spec.examples.map(({ values }) => values), ["changed", "four five six", "seven eight nine"].map((text) => ({ [name]: text })))
    assert.deepEqual([spec.input, inputs.map((input) => Object.keys(input))], [{ [name]: "ten eleven twelve" }, [[name], [name]]])
  }
})

test("a field that both gave the same name is asked about no more", () => {
  const { clashes, build } = merged(rename("review", "text"), rename("review", "text"))
  assert.deepEqual([clashes, build().spec.fields], [[], ["text"]])
})

test("the name that they gave to a field does not meet one that I gave to another", () => {
  const mine = (draft, spec) => {
    rename("review", "text")(draft, spec)
    spec.fields.push("words")
    spec.input.words = "mine"
  }
  const { clashes, build } = merged(mine, rename("review", "words"))
  const { spec } = build(Object.fromEntries(clashes.map(({ id }) => [id, "theirs"])))
  assert.equal(new Set(spec.fields).size, spec.fields.length)
  assert.deepEqual(Object.values(spec.input).sort(), ["mine", "ten eleven twelve"])
})

test("a field that one removed stays when the other wrote into it", () => {
  const first = after((draft, spec) => {
    spec.fields.push("note")
    for (const { values } of spec.examples) values.note = "n"
  })
  const own = structuredClone(first)
  own.spec.fields.pop()
  for (const { values } of own.spec.examples) delete values.note
  const other = structuredClone(first)
  assert.deepEqual(mergeDrafts(first, own, other).build().spec.fields, ["review"])
  other.spec.examples[1].values.note = "a long note"
  const { spec } = mergeDrafts(first, own, other).build()
  assert.deepEqual([spec.fields, spec.examples[1].values.note], [["review", "note"], "a long note"])
})

test("the merged draft keeps the rules of a prompt", () => {
  const { build } = merged((draft, spec) => (spec.output_name = "verdict"), (draft, spec) => spec.fields.push("verdict"))
  assert.deepEqual([build().spec.fields, build().spec.output_name], [["review", "verdict"], "verdict 2"])
})

test("a text that would be too long together is one or the other", () => {
  const { clashes, build } = mergeDrafts(base, after((draft) => (draft.title = "x".repeat(80))), after((draft) => (draft.title = "y".repeat(80))), { title_chars: 120 })
  assert.deepEqual([clashes[0].options, build().title.length], [["mine", "theirs"], 80])
})

test("texts and lists by themselves", () => {
  assert.deepEqual(mergeTexts("a b c", "a b c d", "z a b c"), [{ text: "z a b c d" }])
  assert.deepEqual(mergeTexts("", "mine", "theirs"), [{ base: "", mine: "mine", theirs: "theirs" }])
  assert.deepEqual([bothTexts("a", "b"), bothTexts("a\n", "b"), bothTexts("", "b")], ["a b", "a\nb", "b"])
  const long = Array.from({ length: 5000 }, (_, at) => `the word ${at}`).join("\n")
  assert.deepEqual(mergeTexts(long, long, `${long} end`), [{ text: `${long} end` }])
  assert.equal(mergeTexts(long, `begin ${long}`, `${long} end`).length, 1)
  assert.deepEqual(mergeOrder(["a", "b"], ["a", "x", "b"], ["b", "a", "y"], new Set("abxy")), ["b", "a", "x", "y"])
  assert.deepEqual(mergeSet([{ v: "1" }, { v: "2" }], [{ v: "1" }, { v: "3" }], [{ v: "2" }, { v: "1" }, { v: "4" }]), [{ v: "1" }, { v: "3" }, { v: "4" }])
})

// Arbitrary edits of both sides. Each new word is unlike any other, so that it can be looked for.

function random(seed) {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function scribble(side, pick) {
  const draft = structuredClone(base)
  const { spec } = draft
  let count = 0
  const word = () => `${side}${(count += 1)}x`
  const write = (text) => {
    const words = text.split(" ")
    words.splice(pick(words.length + 1), pick(3), word())
    return words.join(" ")
  }
  const any = () => spec.examples[pick(spec.examples.length)]
  const edits = [
    () => (draft.title = write(draft.title)),
    () => (draft.scope = write(draft.scope)),
    () => (spec.instruction = write(spec.instruction)),
    () => (spec.input[spec.fields[0]] = write(spec.input[spec.fields[0]])),
    () => spec.examples.length && (any().output = write(any().output)),
    () => spec.examples.length && (any().values[spec.fields[0]] = word()),
    () => spec.examples.splice(pick(spec.examples.length + 1), 0, { id: word(), values: { [spec.fields[0]]: word() }, output: word(), on: true }),
    () => spec.examples.splice(pick(spec.examples.length + 1), 1),
    () => spec.examples.sort(() => pick(3) - 1),
    () => draft.inputs.push({ [spec.fields[0]]: word() }),
    () => draft.inputs.splice(pick(draft.inputs.length + 1), 1),
    () => (spec.settings.temperature = pick(5) / 2 + 0.1),
    () => spec.fields[0] === "review" && rename("review", word())(draft, spec),
    () => spec.fields.push(word()),
  ]
  for (let edit = 0; edit < 1 + pick(6); edit += 1) edits[pick(edits.length)]()
  return draft
}

const wordsIn = (value) => new Set(JSON.stringify(value).match(/[mt]\d+x/g) ?? [])

test("no word of either side is lost without being asked for, and what is built is a valid prompt", () => {
  let clashing = 0
  for (let seed = 1; seed <= 3000; seed += 1) {
    const pick = random(seed)
    const [mine, theirs] = [scribble("m", pick), scribble("t", pick)]
    const { clashes, build } = mergeDrafts(base, mine, theirs)
    const draft = build()
    clashing += clashes.length > 0
    const said = wordsIn([draft, clashes])
    const lost = [...wordsIn([mine, theirs])].filter((word) => !said.has(word))
    assert.deepEqual(lost, [], `seed ${seed}\n${JSON.stringify([mine, theirs, draft])}`)
    const { spec } = draft
    assert.equal(new Set([...spec.fields, spec.output_name]).size, spec.fields.length + 1, `seed ${seed}`)
    assert.equal(new Set(spec.examples.map(({ id }) => id)).size, spec.examples.length, `seed ${seed}`)
    const written = spec.examples.flatMap(({ values }) => Object.keys(values).filter((name) => values[name]))
    assert.ok(written.every((name) => spec.fields.includes(name)), `seed ${seed}: a text under no field\n${JSON.stringify([mine, theirs, draft])}`)
  }
  assert.ok(clashing > 300 && clashing < 2700, `${clashing} of 3000 clash`)
})

test("whoever merges, the same places clash, and what did not clash is the same", () => {
  for (let seed = 1; seed <= 500; seed += 1) {
    const pick = random(seed)
    const [mine, theirs] = [scribble("m", pick), scribble("t", pick)]
    const one = mergeDrafts(base, mine, theirs)
    const other = mergeDrafts(base, theirs, mine)
    assert.equal(one.clashes.length, other.clashes.length, `seed ${seed}`)
  }
})
