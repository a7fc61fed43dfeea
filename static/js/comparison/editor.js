// The editor of one column: the parts of the experiment's editor, on a draft that writes into the board.

import { ContextBar } from "../controllers/context_bar.js";
import { connectCosts } from "../controllers/example_costs.js";
import { keepModelsFresh } from "../controllers/model_states.js";
import { ModelWish } from "../controllers/model_wish.js";
import { connectPlaceholders } from "../controllers/placeholders.js";
import { Presets } from "../controllers/presets.js";
import { Preview } from "../controllers/preview.js";
import { connectSettings } from "../controllers/settings_panel.js";
import { connectInstruction } from "../controllers/texts.js";
import { connectExamples, contextActs, goTo } from "../experiment/editor.js";
import { byId, element, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { TabMemory } from "../lib/tab_memory.js";
import { Draft } from "../models/draft.js";
import { LINKED } from "../models/board.js";

export class ColumnEditor {
  constructor({ board, page, runs }) {
    Object.assign(this, { board, page, runs, key: null, draft: null, versions: null })
    this.dialog = byId("column-editor")
    byId("column-done").addEventListener("click", () => this.dialog.close())
    this.dialog.addEventListener("close", () => this.#leave())
    this.dialog.addEventListener("keydown", (event) => event.stopPropagation()) // Esc closes this, and stops no run
    byId("column-load")?.addEventListener("change", ({ target }) => this.#load(target))
    byId("column-open")?.addEventListener("click", () => this.#openAsDraft())
    board.addEventListener("replace", () => this.dialog.close())
  }

  open(key) {
    this.key = null // so that showing the column is no edit of it
    this.#show(this.board.column(key).spec)
    this.key = key
    byId("column-editor-title").textContent = this.#title
    byId("column-editor-links").textContent = this.#linkWords()
    say(byId("column-editor-fault"), "")
    this.dialog.showModal()
    byId("column-editor-body").scrollTop = 0
    this.#offerLoads()
  }

  get #title() {
    const { title } = this.board.column(this.key)
    return `Column ${this.board.letter(this.key)}${title ? `: ${title}` : ""}`
  }

  #linkWords() {
    const linked = Object.keys(LINKED).filter((name) => name !== "input" && this.board.isLinked(name))
    return linked.length ? `Linked: ${linked.join(", ")} change in all columns.` : ""
  }

  #show(spec) {
    const [row] = this.board.rows
    const whole = { ...structuredClone(spec), input: { ...row.values } }
    const content = { title: "", scope: "", inputs: [], spec: whole }
    if (this.draft) return this.draft.replace(content)
    this.draft = new Draft(content, this.page.limits)
    this.#connect()
  }

  /** Made when it is first wanted: most people who open a comparison look at answers. */
  #connect() {
    const { draft, page } = this
    draft.addEventListener("change", () => this.key && this.board.setSpec(this.key, draft.spec))
    connectInstruction(draft)
    connectPlaceholders(draft)
    const { grid } = connectExamples(draft, page)
    const settings = connectSettings(draft, page)
    new Presets({ draft, url: page.urls.presets, presets: page.presets })
    const wish = new ModelWish({ draft, url: page.urls.experiment, asked: () => lookSoon() })
    const showModels = (models) => [settings, wish].forEach((part) => part.showModels(models))
    const lookSoon = keepModelsFresh(page.urls.models, showModels, this.runs)
    const costs = connectCosts(draft, grid, page.urls.examples)
    const bar = new ContextBar({ acts: contextActs(draft), goTo: (part, index) => goTo(draft, part, index) })
    new Preview(draft, page.urls.render, {
      wantsTokens: () => false,
      onRendered: (prompt) => [costs, bar].forEach((part) => part.show(prompt)),
      onRefused: (message) => [costs, bar].forEach((part) => part.refuse(message)),
    })
  }

  #leave() {
    const { key } = this
    this.key = null
    document.querySelector(`#board-head [data-column="${CSS.escape(key ?? "")}"] [data-act="edit"]`)?.focus()
  }

  async #offerLoads() {
    const box = byId("column-load")
    if (!box) return
    const others = this.board.columns.filter((column) => column.key !== this.key)
    const own = [element("option", { value: "", text: "Load…" }), element("option", { value: "draft", text: "Draft of the experiment" })]
    const columns = group("Another column", others.map(({ key, title }) => [`column ${key}`, `${this.board.letter(key)}${title ? `: ${title}` : ""}`]))
    box.replaceChildren(...own, columns)
    this.versions ??= await requestJson("GET", this.page.urls.versions).catch(() => null)
    const { versions = [] } = this.versions ?? {}
    if (versions.length) box.append(group("Version", versions.map(({ id, number, label }) => [`version ${id}`, `v${number}${label ? ` ${label}` : ""}`])))
  }

  async #load(box) {
    const [kind, id] = box.value.split(" ")
    box.value = ""
    try {
      const spec = await this.#specFrom(kind, id)
      this.draft.rewrite((draft) => (draft.spec = { ...structuredClone(spec), input: draft.spec.input }))
      say(byId("column-editor-fault"), "")
    } catch (error) {
      say(byId("column-editor-fault"), error.message)
    }
  }

  async #specFrom(kind, id) {
    if (kind === "column") return this.board.column(id).spec
    if (kind === "draft") return this.page.comparison.experiment.spec
    return (await requestJson("GET", `/versions/${id}/`)).version.spec
  }

  /** The page of the experiment takes it from here; its own draft is one press away there. */
  #openAsDraft() {
    const { id } = this.page.comparison.experiment
    new TabMemory(`brought ${id}`).keep({ spec: this.board.column(this.key).spec, words: `${this.#title} of “${this.board.title}” is in the editor.` })
    location.assign(this.page.urls.experiment)
  }
}

function group(label, options) {
  const made = element("optgroup", { label })
  made.append(...options.map(([value, text]) => element("option", { value, text })))
  return made
}
