// The list of earlier runs: search, filters, pages, and what can be done with a run. Days are the reader's own.

import { byId, element, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { debounce } from "../lib/timing.js";
import { byDay, hourOf, pick, RunList, rowWords } from "../models/run_list.js";
import { offerUndo } from "./undo.js";

const TYPING = 250 // ms after the last key
const SETTLING = 150 // ms; several runs begin and end together

export class RunHistory extends EventTarget {
  /** Sends "open", "restore", "deleted" ({ run }) and "compare" ({ runs }). `newest` is the first page, as the page came with it. */
  constructor({ url, newest, runs, answers }) {
    super()
    Object.assign(this, { url, list: new RunList(), lines: new Map(), shown: [], picked: [] })
    this.place = byId("history")
    this.form = byId("history-search")
    this.#connect()
    this.refreshSoon = debounce(() => this.#refresh(), SETTLING)
    this.drawSoon = debounce(() => this.#draw(), SETTLING)
    for (const name of ["mine", "started"]) runs.addEventListener(name, this.refreshSoon)
    runs.addEventListener("ended", ({ detail }) => detail.isMine && this.refreshSoon())
    answers.addEventListener("shown", ({ detail }) => this.#mark(detail.runs))
    this.list.reset(newest)
    this.#showModels(newest.models)
    this.#draw()
  }

  /** News of one run. Whether it fits a search only the server knows; else nobody asks it. */
  hear(row) {
    if (this.#isSearch()) return this.refreshSoon()
    this.list.put(row)
    this.drawSoon()
  }

  #connect() {
    const search = debounce(() => this.#search(), TYPING)
    this.form.addEventListener("input", search)
    this.form.addEventListener("submit", (event) => {
      event.preventDefault()
      search()
    })
    byId("history-any-version").addEventListener("click", () => this.showVersion(null))
    byId("history-older").addEventListener("click", () => this.#older())
    byId("history-compare").addEventListener("click", () => this.#send("compare", { runs: this.picked }))
    byId("history-unpick").addEventListener("click", () => this.#pick([]))
    this.place.addEventListener("click", (event) => this.#click(event.target))
  }

  #click(target) {
    const run = target.closest("[data-run]")?.dataset.run
    if (target.closest("[data-open]")) this.#send("open", { run })
    if (target.closest("[data-restore]")) this.#send("restore", { run })
    if (target.closest("[data-delete-run]")) this.#delete(run)
    if (target.matches("[data-pick]")) this.#pick(pick(this.picked, run, target.checked))
  }

  async #delete(run) {
    const failed = (message) => say(byId("history-fault"), message)
    try {
      const { undo } = await requestJson("POST", `/runs/${run}/delete`)
      offerUndo(undo, { onBack: () => this.#refresh(), onFault: failed })
      this.#send("deleted", { run })
      await this.#search()
    } catch (error) {
      failed(error.message)
    }
  }

  /** Shows the runs of one version, or with null of all. */
  showVersion(version) {
    this.form.elements.version.value = version?.id ?? ""
    byId("history-version").hidden = version === null
    byId("history-version-words").textContent = version ? `v${version.number}` : ""
    this.form.scrollIntoView({ block: "start" })
    const next = version ? byId("history-any-version") : this.form.elements.q
    next.focus({ preventScroll: true })
    return this.#search()
  }

  #search() {
    return this.#load({}, (page) => this.list.reset(page))
  }

  #refresh() {
    if (this.request) return this.refreshSoon() // somebody waits for another page
    return this.#load({}, (page) => this.list.refresh(page))
  }

  async #older() {
    const place = this.list.rows.length
    await this.#load({ before: this.list.last }, (page) => this.list.extend(page))
    const next = this.list.rows[place]
    if (next) this.lines.get(next.id).querySelector("[data-open]").focus()
  }

  /** Asks for a page; only the answer to the latest question counts. */
  async #load(more, take) {
    this.request?.abort()
    const request = (this.request = new AbortController())
    const wanted = { ...Object.fromEntries(new FormData(this.form)), ...more }
    const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value))
    try {
      const page = await requestJson("GET", `${this.url}?${query}`, { signal: request.signal })
      take(page)
      this.#showModels(page.models)
      this.#draw()
      say(byId("history-fault"), "")
    } catch (error) {
      if (error.name !== "AbortError") say(byId("history-fault"), error.message)
    }
    if (this.request === request) this.request = null
  }

  #draw() {
    const held = document.activeElement
    const days = byDay(this.list.rows).map(({ label, rows }) => this.#day(label, rows))
    const known = new Set(this.list.rows.map(({ id }) => id))
    for (const id of this.lines.keys()) if (!known.has(id)) this.lines.delete(id)
    this.place.replaceChildren(...days)
    if (this.place.contains(held)) held.focus({ preventScroll: true }) // moving a row takes the focus away
    byId("history-older").hidden = !this.list.more
    byId("history-empty").hidden = this.list.rows.length > 0
    byId("history-empty").textContent = this.#emptyWords()
    this.#mark(this.shown)
    this.#pick(this.picked.filter((id) => known.has(id)))
  }

  #isSearch() {
    return [...new FormData(this.form).values()].some(Boolean)
  }

  #emptyWords() {
    return this.#isSearch() ? "No run fits. Search for other words, or take a filter off." : "No runs yet. Every run of this experiment will be kept here."
  }

  #day(label, rows) {
    const day = element("section", { class: "day" })
    const list = element("ul", { class: "lines" })
    list.append(...rows.map((row) => this.#line(row)))
    day.append(element("h3", { text: label }), list)
    return day
  }

  #line(row) {
    if (!this.lines.has(row.id)) this.lines.set(row.id, fromTemplate("history-line-template"))
    const line = this.lines.get(row.id)
    const part = (name) => line.querySelector(`[data-${name}]`)
    const preview = part("preview")
    line.dataset.run = row.id
    part("open").dataset.status = row.status
    part("outcome").textContent = `${row.status}, `
    preview.textContent = row.preview || row.error || row.status
    preview.classList.toggle("quiet", !row.preview)
    part("facts").textContent = rowWords(row)
    part("time").textContent = hourOf(row.queued_at)
    part("time").dateTime = row.queued_at
    const name = `the run of ${hourOf(row.queued_at)}`
    part("pick").setAttribute("aria-label", `Pick ${name} to compare`)
    part("delete-run")?.setAttribute("aria-label", `Delete ${name}`)
    part("restore").setAttribute("aria-label", `Restore the prompt of ${name}`)
    return line
  }

  #showModels(models) {
    const box = byId("history-model")
    const added = models.filter((name) => ![...box.options].some((option) => option.value === name))
    box.append(...added.map((name) => element("option", { value: name, text: name })))
    box.hidden = box.options.length < 3 // "any model" and one: nothing to choose
  }

  #mark(runs) {
    this.shown = runs
    for (const [id, line] of this.lines) {
      if (runs.includes(id)) line.setAttribute("aria-current", "true")
      else line.removeAttribute("aria-current")
    }
  }

  #pick(picked) {
    this.picked = picked
    for (const [id, line] of this.lines) line.querySelector("[data-pick]").checked = picked.includes(id)
    byId("history-picked").hidden = picked.length === 0
    byId("history-picked-words").textContent = picked.length === 1 ? "One run is picked; pick another to compare." : "Two runs are picked."
    byId("history-compare").hidden = picked.length < 2
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}
