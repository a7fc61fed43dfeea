// Import of examples: a file or pasted rows, where each column goes, which rows are taken, and what the prompt becomes.

import { byId, element, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { debounce, pause } from "../lib/timing.js";
import { decode, ENCODINGS, faultInBytes, FILE_BYTES, guessEncoding, readBytes } from "../models/decoding.js";
import { ImportPlan } from "../models/import_plan.js";
import { readTable } from "../models/table_reader.js";

const SHOWN_ROWS = 4
const SHOWN_CHARS = 200 // of a cell
const plain = (number) => number.toLocaleString("en")

export class ImportDialog {
  #notes = []
  #name = ""

  constructor(draft, edits, urls) {
    Object.assign(this, { draft, edits, urls, reading: new AbortController() })
    this.dialog = byId("import")
    this.preview = debounce(() => this.#showPrompt(), 250)
    this.#connectSource()
    this.#connectPlan()
    byId("import-open").addEventListener("click", () => this.open())
    for (const id of ["import-close", "import-cancel"]) byId(id).addEventListener("click", () => this.dialog.close())
    byId("import-go").addEventListener("click", () => this.#bringIn())
    this.dialog.addEventListener("close", () => this.#forget())
    this.dialog.addEventListener("keydown", (event) => event.stopPropagation()) // Esc closes this, and stops no run
  }

  /** Shows the dialog; with `text`, its rows at once. */
  open(text = "") {
    this.#askForSource()
    if (!this.dialog.open) this.dialog.showModal()
    byId("import-text").value = text
    if (text) this.#readText(text)
  }

  openFile(file) {
    this.open()
    this.#readFile(file)
  }

  #connectSource() {
    byId("import-file").addEventListener("change", ({ target }) => {
      if (target.files[0]) this.#readFile(target.files[0])
      target.value = "" // the same file again is a choice, too
    })
    const soon = debounce((text) => this.#readText(text), 300)
    byId("import-text").addEventListener("input", ({ target }) => target.value.trim() && soon(target.value))
    byId("import-other").addEventListener("click", () => this.#askForSource())
    for (const [value, text] of ENCODINGS) byId("import-encoding").lastElementChild.append(element("option", { value, text }))
    byId("import-encoding").addEventListener("change", ({ target }) => this.#readBytes(target.value))
  }

  #connectPlan() {
    const connect = (id, event, act) => byId(id).addEventListener(event, ({ target }) => {
      act(target)
      this.#drawPlan()
    })
    connect("import-header", "change", (box) => {
      this.plan.useHeader(box.checked)
      this.#drawColumns()
    })
    connect("import-which", "change", () => (this.plan.random = byId("import-which").querySelector('[value="random"]').checked))
    connect("import-first", "input", (box) => (this.plan.first = Math.max(1, Math.floor(Number(box.value)) || 1)))
    connect("import-where", "change", () => (this.plan.replace = byId("import-where").querySelector('[value="replace"]').checked))
    connect("import-columns", "change", (select) => {
      const selects = [...byId("import-columns").querySelectorAll("select")]
      const index = selects.indexOf(select)
      this.plan.send(index, select.value)
      this.#drawColumns()
      byId("import-columns").querySelectorAll("select")[index].focus()
    })
  }

  #askForSource() {
    this.#forget()
    byId("import-source").hidden = false
    byId("import-plan").hidden = true
    byId("import-go").disabled = true
    byId("import-go").textContent = "Import"
    this.#tell("")
    say(byId("import-fault"), "")
  }

  /** Ends what is going on, and lets go of what may be large. */
  #forget() {
    this.reading.abort()
    this.preview.cancel()
    this.plan = this.file = null
  }

  #tell(text) {
    byId("import-state").textContent = text
  }

  // --- reading

  async #readFile(file) {
    if (file.size > FILE_BYTES) {
      return this.#refuse(`${file.name} has ${plain(Math.ceil(file.size / 2 ** 20))} MB; at most ${FILE_BYTES / 2 ** 20} MB are read. Cut it into smaller files first.`)
    }
    await this.#work(file.name, async (rest) => {
      this.file = { name: file.name, bytes: await readBytes(file, rest) }
      const encoding = await guessEncoding(this.file.bytes, rest)
      await this.#readAs(encoding, rest)
    })
  }

  /** Reads the bytes of the file once more, in another encoding. */
  #readBytes(encoding) {
    return this.#work(this.file.name, (rest) => this.#readAs(encoding, rest))
  }

  async #readAs(encoding, rest) {
    const fault = faultInBytes(this.file.bytes, encoding)
    if (fault) return this.#refuse(`${this.file.name}: ${fault}`)
    const text = await decode(this.file.bytes, encoding, rest)
    await this.#plan(text, this.file.name, rest, encoding)
  }

  #readText(text) {
    return this.#work("the rows", (rest) => this.#plan(text, "Pasted rows", rest))
  }

  /** Does `work(rest)` unless something else is read meanwhile; `rest()` lets the page breathe. */
  async #work(name, work) {
    this.reading.abort()
    this.reading = new AbortController()
    const { signal } = this.reading
    say(byId("import-fault"), "")
    this.#tell(`Reading ${name}…`)
    try {
      await work(() => pause(signal))
    } catch (error) {
      if (error.name === "AbortError") return
      this.#refuse(error instanceof RangeError ? `${name} is too large for this browser.` : `${name} could not be read.`)
    }
  }

  #refuse(message) {
    this.#askForSource()
    say(byId("import-fault"), message)
  }

  async #plan(text, name, rest, encoding = null) {
    const table = await readTable(text, { papa: globalThis.Papa, pause: rest })
    await rest()
    if (!table.rows.length) return this.#refuse(`${name}: there are no rows in it.`)
    this.plan = new ImportPlan(table, this.draft)
    this.#notes = [...lostLetters(text, encoding), ...guessedEncoding(encoding), ...table.notes]
    byId("import-source").hidden = true
    byId("import-plan").hidden = false
    byId("import-encoding").hidden = encoding === null
    if (encoding) byId("import-encoding").lastElementChild.value = encoding
    this.#name = name
    this.#drawControls()
    this.#drawPlan()
    if (document.activeElement === document.body || byId("import-source").contains(document.activeElement)) byId("import-other").focus()
  }

  // --- drawing

  #drawControls() {
    const { plan } = this
    byId("import-header").hidden = !plan.asked
    byId("import-header").firstElementChild.checked = plan.header
    byId("import-which").querySelector('[value="first"]').checked = true
    byId("import-first").value = 1
    byId("import-where").hidden = this.draft.spec.examples.length === 0
    byId("import-where").querySelector('[value="append"]').checked = true
    this.#drawColumns()
  }

  #drawColumns() {
    const { plan } = this
    byId("import-columns").replaceChildren(...plan.columns.map((name, index) => this.#columnHead(name, index)))
    const rows = plan.data.slice(0, SHOWN_ROWS)
    byId("import-rows").replaceChildren(...rows.map((row) => {
      const line = element("tr")
      line.append(...row.map((cell, index) => element("td", { text: shortened(cell), "data-used": String(Boolean(plan.targets[index])) })))
      return line
    }))
  }

  #columnHead(name, index) {
    const head = fromTemplate("import-column-template")
    const select = head.querySelector("select")
    head.querySelector(".import-name").textContent = name
    select.setAttribute("aria-label", `Column ${name} goes to`)
    const { fields, output_name: output } = this.draft.spec
    const options = [["", "left out"], ...fields.map((field) => [`field:${field}`, field]), ["output", output === "output" ? output : `${output} (the output)`]]
    options.push(["new", `new field ${this.plan.newNames.get(index) ?? ""}`.trim()])
    select.append(...options.map(([value, text]) => element("option", { value, text })))
    select.value = this.plan.targets[index]
    return head
  }

  #drawPlan() {
    const { plan } = this
    this.outcome = plan.result()
    const { examples, usable, left, fault } = this.outcome
    this.#tell(`${this.#name}: ${plan.kind}, ${plain(plan.data.length)} ${plan.data.length === 1 ? "row" : "rows"}, ${plan.columns.length} ${plan.columns.length === 1 ? "column" : "columns"}`)
    say(byId("import-fault"), fault)
    byId("import-notes").replaceChildren(...[...this.#notes, ...left].map((text) => element("li", { text })))
    byId("import-which").hidden = usable <= plan.room
    byId("import-first").max = usable
    byId("import-room").textContent = `${plain(usable)} rows, and room for ${plain(Math.max(0, plan.room))} of at most ${plain(this.draft.limits.examples)} examples. Take them`
    byId("import-go").disabled = Boolean(fault)
    byId("import-go").textContent = fault ? "Import" : `Import ${plain(examples.length)} ${examples.length === 1 ? "row" : "rows"}`
    this.preview()
  }

  async #showPrompt() {
    const { outcome } = this
    const spec = this.plan.preview(outcome)
    try {
      const { text, counts } = await requestJson("POST", this.urls.render, { body: { spec, tokens: true } })
      if (outcome !== this.outcome) return
      byId("import-preview").textContent = text
      const shots = spec.examples.length === 1 ? "1 shot" : `${spec.examples.length} shots`
      const over = counts?.over ? `, ${plain(counts.over)} more than the window holds` : ""
      byId("import-counts").textContent = counts ? `${plain(counts.prompt)} tokens with ${shots}${over}` : shots
    } catch (error) {
      if (outcome !== this.outcome) return
      byId("import-preview").textContent = ""
      byId("import-counts").textContent = error.message
    }
  }

  #bringIn() {
    this.dialog.close()
    this.edits.bringIn(this.outcome)
    byId("undo").focus()
  }
}

function lostLetters(text, encoding) {
  const count = encoding ? text.split("\ufffd").length - 1 : 0
  return count ? [`${plain(count)} ${count === 1 ? "character does" : "characters do"} not exist in this encoding: try another one.`] : []
}

function guessedEncoding(encoding) {
  return encoding === "windows-1252" ? ["The file is not UTF-8. It is read as Western European; if letters look wrong, choose the encoding above."] : []
}

const shortened = (text) => (text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text)
