// The command palette (Ctrl or Cmd with K): commands of this page, experiments, models, and what else is provided.
// A native dialog around a combobox: focus stays in the box, the arrows move through the list.

import { byId, element } from "../lib/dom.js";
import { keyNames } from "../lib/keys.js";
import { debounce } from "../lib/timing.js";
import { grouped } from "../models/commands.js";
import { ranked } from "../models/fuzzy.js";

const DELAY = 120 // ms after the last key, before providers are asked
const SHOWN = 80

export class Palette {
  constructor(commands) {
    this.commands = commands
    this.dialog = byId("palette")
    this.box = byId("palette-box")
    this.list = byId("palette-list")
    this.entries = []
    this.found = []
    this.box.addEventListener("input", () => this.#search())
    this.box.addEventListener("keydown", (event) => this.#key(event))
    this.list.addEventListener("click", (event) => this.#clicked(event))
    this.askSoon = debounce(() => this.#ask(), DELAY)
    commands.add({ id: "palette", title: "Find a command", keys: "Mod+K", anywhere: true, run: () => this.toggle() })
    byId("palette-open").addEventListener("click", () => this.toggle())
  }

  toggle() {
    if (this.dialog.open) return this.dialog.close()
    for (const other of document.querySelectorAll("dialog[open]")) other.close()
    this.box.value = ""
    this.found = []
    this.dialog.showModal()
    this.#draw()
    this.#ask()
  }

  #search() {
    this.#draw()
    this.askSoon()
  }

  /** What providers find comes later; an answer to an older question is dropped. */
  async #ask() {
    const query = this.box.value
    const answers = await Promise.allSettled(this.commands.providers.map((find) => find(query)))
    if (query !== this.box.value || !this.dialog.open) return
    this.found = answers.flatMap((answer) => answer.value ?? [])
    const chosen = this.entries[this.chosen]?.title
    this.#draw()
    this.#choose(this.entries.findIndex((entry) => entry.title === chosen))
    const failed = answers.find((answer) => answer.status === "rejected")
    if (failed) byId("palette-words").textContent = failed.reason.message
  }

  #draw() {
    const query = this.box.value.trim()
    const known = this.commands.available().filter((command) => command.id !== "palette")
    this.entries = ranked(query, grouped([...known, ...this.found])).slice(0, SHOWN)
    this.list.replaceChildren(...this.entries.map((entry, place) => option(entry, place)))
    this.list.hidden = this.entries.length === 0
    this.box.setAttribute("aria-expanded", String(!this.list.hidden))
    byId("palette-words").textContent = this.#words()
    this.#choose(0)
  }

  #words() {
    const { length } = this.entries
    return length ? `${length} ${length === 1 ? "entry" : "entries"}` : "Nothing here has a name like that."
  }

  #choose(place) {
    this.chosen = Math.max(0, Math.min(this.entries.length - 1, place))
    for (const [index, row] of [...this.list.children].entries()) row.setAttribute("aria-selected", String(index === this.chosen))
    const row = this.list.children[this.chosen]
    if (!row) return this.box.removeAttribute("aria-activedescendant")
    this.box.setAttribute("aria-activedescendant", row.id)
    row.scrollIntoView({ block: "nearest" })
  }

  #key(event) {
    const last = this.entries.length - 1
    const step = { ArrowDown: this.chosen === last ? 0 : this.chosen + 1, ArrowUp: this.chosen ? this.chosen - 1 : last, PageDown: this.chosen + 8, PageUp: this.chosen - 8 }
    if (event.isComposing) return
    if (event.key in step) this.#choose(step[event.key])
    else if (event.key === "Enter") this.#run(this.chosen)
    else return
    event.preventDefault()
    event.stopPropagation() // Ctrl+Enter runs what is chosen here, not the prompt behind
  }

  #clicked(event) {
    const row = event.target.closest("[role=option]")
    if (row) this.#run([...this.list.children].indexOf(row))
  }

  #run(place) {
    const entry = this.entries[place]
    if (!entry) return
    this.dialog.close()
    entry.run()
  }
}

function option({ title, group, keys }, place) {
  const row = element("li", { id: `palette-${place}`, role: "option", class: "palette-row" })
  row.append(element("span", { class: "palette-title", text: title }), element("span", { class: "palette-group", text: group }))
  if (keys) row.append(...keyNames(keys).map((name) => element("kbd", { text: name })))
  return row
}
