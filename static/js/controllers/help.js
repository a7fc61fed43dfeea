// The help (Ctrl or Cmd with /): every shortcut of this page, straight from its commands, and every gesture.

import { byId, element } from "../lib/dom.js";
import { keyNames } from "../lib/keys.js";
import { grouped } from "../models/commands.js";
import { GESTURES } from "../models/gestures.js";

export function connectHelp(commands) {
  const dialog = byId("help")
  const toggle = () => {
    if (dialog.open) return dialog.close()
    for (const other of document.querySelectorAll("dialog[open]")) other.close()
    byId("help-list").replaceChildren(...sections(commands).map(section))
    dialog.showModal()
  }
  commands.add({ id: "help", title: "Keyboard and gestures", keys: "Mod+/", anywhere: true, run: toggle })
  byId("help-open").addEventListener("click", toggle)
}

/** The rows of the help under their headings: [{ group, rows: [{ keys, words }] }]. */
function sections(commands) {
  const own = commands.withKeys().map(({ group, keys, title }) => ({ group, keys: keyNames(keys), words: title }))
  const there = GESTURES.filter(({ where }) => document.querySelector(where))
  const rows = [...own, ...there.map((gesture) => ({ ...gesture, keys: [gesture.keys] }))]
  const names = new Set(grouped(rows).map((row) => row.group))
  return [...names].map((group) => ({ group, rows: rows.filter((row) => row.group === group) }))
}

function section({ group, rows }) {
  const made = element("section")
  const list = element("dl", { class: "help-rows" })
  for (const { keys, words } of rows) {
    const term = element("dt")
    term.append(...keys.map((name) => element("kbd", { text: name })))
    const row = element("div")
    row.append(term, element("dd", { text: words }))
    list.append(row)
  }
  made.append(element("h3", { class: "label", text: group }), list)
  return made
}
