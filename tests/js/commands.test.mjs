import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"

import { isPressed, keyNames } from "../../static/js/lib/keys.js"
import { Commands } from "../../static/js/models/commands.js"
import { fit, ranked } from "../../static/js/models/fuzzy.js"
import { GESTURES } from "../../static/js/models/gestures.js"
import { PRESSES } from "../../static/js/models/presses.js"

const ROOT = join(import.meta.dirname, "../..")
const read = (folder, end) =>
  readdirSync(join(ROOT, folder), { recursive: true })
    .filter((name) => name.endsWith(end))
    .map((name) => readFileSync(join(ROOT, folder, name), "utf8"))
    .join("\n")
const press = (key, held = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held })

test("a command is found once, and offered only while it can run", () => {
  const commands = new Commands()
  let live = false
  commands.add({ id: "stop", title: "Stop", keys: "Escape", when: () => live, run() {} })
  commands.add({ id: "help", title: "Help", run() {} })
  assert.deepEqual(commands.available().map(({ id }) => id), ["help"])
  live = true
  assert.deepEqual(commands.available().map(({ id }) => id), ["stop", "help"])
  assert.deepEqual(commands.withKeys().map(({ id }) => id), ["stop"])
  assert.throws(() => commands.add({ id: "help", title: "Again", run() {} }), /two commands/)
})

test("keys are those of the event, with Ctrl or Cmd alike", () => {
  assert.ok(isPressed(press("Enter", { ctrlKey: true }), "Mod+Enter"))
  assert.ok(isPressed(press("k", { metaKey: true }), "Mod+K"))
  assert.ok(isPressed(press("Escape"), "Escape"))
  assert.ok(!isPressed(press("k"), "Mod+K"))
  assert.ok(!isPressed(press("K", { ctrlKey: true, shiftKey: true }), "Mod+K"))
  assert.ok(!isPressed(press("Escape", { ctrlKey: true }), "Escape"))
  assert.ok(!isPressed(press("k", { ctrlKey: true, altKey: true }), "Mod+K"))
})

test("a sign that needs Shift on some keyboards is the same sign", () => {
  assert.ok(isPressed(press("/", { ctrlKey: true, shiftKey: true }), "Mod+/"))
})

test("keys are written as the platform has them", () => {
  assert.deepEqual(keyNames("Mod+Enter", false), ["Ctrl", "⏎"])
  assert.deepEqual(keyNames("Mod+K", true), ["⌘", "K"])
})

test("a few letters find what is meant", () => {
  const titles = ["Show or hide the exact prompt", "Dark theme", "Run the prompt", "Run once more", "Café menu"]
  const find = (query) => ranked(query, titles, (title) => title)
  assert.deepEqual(find("dark"), ["Dark theme"])
  assert.equal(find("rtp")[0], "Run the prompt")
  assert.equal(find("prompt").length, 2)
  assert.equal(find("cafe")[0], "Café menu")
  assert.deepEqual(find("xyz"), [])
  assert.deepEqual(find(""), titles)
  assert.equal(fit("emoh", "home"), -1)
})

test("every control that the palette presses is on the page", () => {
  const templates = read("templates", ".html")
  for (const { press: selector } of PRESSES) {
    const attributes = [...selector.matchAll(/#([\w-]+)|\[([\w-]+(?:="\w+")?)\]/g)].map(([, id, attribute]) => attribute ?? `id="${id}"`)
    assert.ok(attributes.length, selector)
    for (const attribute of attributes) assert.ok(templates.includes(attribute), `${selector}: no ${attribute}`)
  }
})

test("every gesture of the help has its place, and no two commands share keys or ids", () => {
  const templates = read("templates", ".html")
  for (const { where } of GESTURES) assert.ok(templates.includes(where.startsWith("#") ? `id="${where.slice(1)}"` : `<${where}`), where)
  const source = read("static/js", ".js")
  const keys = [...source.matchAll(/commands\.add\(\{[^}]*keys: "([^"]+)"/g)].map(([, found]) => found)
  assert.ok(keys.length >= 6, `only ${keys} were found`)
  assert.equal(new Set(keys).size, keys.length)
})
