// The panel of versions: save one, give an automatic one a label, compare, restore, and find the runs of one.

import { onAct } from "../lib/acts.js";
import { byId, element, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { commands } from "../models/commands.js";
import { pick } from "../models/run_list.js";
import { folds, foldWords, isSaved, publishedWords, runsWords, titleOf, VersionList } from "../models/version_list.js";

export class Versions extends EventTarget {
  /** Sends "compare" ({ versions: [older, newer] }; null is the draft), "restored" ({ version }), "publish" and "runs" ({ version }). */
  constructor({ draft, url }) {
    super()
    Object.assign(this, { draft, url, list: new VersionList(), picked: [], naming: null })
    this.dialog = byId("versions")
    this.place = byId("versions-list")
    this.form = byId("version-save") // only for editors
    onAct("versions", () => this.open())
    commands.add({ id: "versions", group: "Experiment", title: "Versions", run: () => this.open() })
    if (this.form) commands.add({ id: "save-version", group: "Experiment", title: "Save version", run: () => this.open(byId("version-label")) })
    this.#connect()
  }

  async open(focus = null) {
    if (!this.dialog.open) this.dialog.showModal()
    focus?.focus()
    this.#name(null)
    await this.#try(() => this.#load())
  }

  /** Looks again, if somebody looks at it. */
  async refresh() {
    if (this.dialog.open) await this.#try(() => this.#load())
  }

  #connect() {
    byId("versions-older").addEventListener("click", () => this.#try(() => this.#older()))
    byId("versions-compare").addEventListener("click", () => this.#compare())
    this.place.addEventListener("click", (event) => this.#click(event.target))
    this.form?.addEventListener("submit", (event) => {
      event.preventDefault()
      this.#try(() => this.#save())
    })
    byId("version-unname")?.addEventListener("click", () => this.#name(null))
  }

  #click(target) {
    const version = this.list.find(target.closest("[data-version]")?.dataset.version)
    if (!version) return
    if (target.matches("[data-pick]")) this.#pick(pick(this.picked, version.id, target.checked))
    if (target.closest("[data-diff]")) this.#send("compare", { versions: [version, null] })
    if (target.closest("[data-name]")) this.#name(version)
    if (target.closest("[data-publish]")) this.#send("publish", { version })
    if (target.closest("[data-restore]")) this.#try(() => this.#restore(version))
    if (target.closest("[data-runs]")) {
      this.dialog.close()
      this.#send("runs", { version })
    }
  }

  async #load() {
    this.list.reset(await requestJson("GET", this.url))
    this.#draw()
  }

  async #older() {
    const place = this.list.rows.length
    this.list.extend(await requestJson("GET", `${this.url}?before=${this.list.last}`))
    this.#draw()
    const next = this.list.rows[place]
    if (next) this.#line(next.id)?.querySelector("[data-pick]").focus()
  }

  async #save() {
    const words = { label: byId("version-label").value, message: byId("version-message").value }
    const { version } = this.naming
      ? await requestJson("PATCH", `/versions/${this.naming.id}/`, { body: words })
      : await requestJson("POST", this.url, { body: { ...words, spec: this.draft.spec } })
    this.form.reset()
    this.#name(null)
    await this.#load()
    byId("versions-words").textContent = `Saved as v${version.number}.`
    this.#line(version.id)?.scrollIntoView({ block: "nearest" })
  }

  async #restore({ id, number }) {
    const { version } = await requestJson("POST", `/versions/${id}/restore`)
    this.dialog.close()
    this.#send("restored", { version, number })
  }

  /** The form saves the draft, or gives a label to an automatic version. */
  #name(version) {
    this.naming = version
    if (!this.form) return
    byId("version-save-words").textContent = version ? `Label v${version.number}` : "Save version"
    byId("version-unname").hidden = !version
    if (version) byId("version-label").focus()
  }

  #compare() {
    const [one, other = null] = this.picked.map((id) => this.list.find(id))
    const ordered = other && one.number > other.number ? [other, one] : [one, other]
    this.#send("compare", { versions: ordered })
  }

  async #try(action) {
    say(byId("versions-fault"), "")
    try {
      await action()
    } catch (error) {
      say(byId("versions-fault"), error.message)
    }
  }

  #draw() {
    const open = new Set([...this.place.querySelectorAll("details[open]")].map(({ dataset }) => dataset.newest))
    const known = new Set(this.list.rows.map(({ id }) => id))
    const groups = folds(this.list.rows)
    this.place.replaceChildren(...groups.map((group) => drawGroup(group, open, groups.length === 1)))
    byId("versions-empty").hidden = this.list.rows.length > 0
    byId("versions-older").hidden = !this.list.more
    this.#pick(this.picked.filter((id) => known.has(id)))
  }

  #pick(picked) {
    this.picked = picked
    for (const box of this.place.querySelectorAll("[data-pick]")) box.checked = picked.includes(box.closest("[data-version]").dataset.version)
    const numbers = picked.map((id) => `v${this.list.find(id).number}`)
    const words = ["", `${numbers[0]} is picked; pick another, or compare it with the draft.`, `${numbers.join(" and ")} are picked.`]
    byId("versions-words").textContent = words[picked.length]
    byId("versions-compare").hidden = picked.length === 0
  }

  #line(id) {
    return this.place.querySelector(`[data-version="${CSS.escape(id)}"]`)
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}

function drawGroup({ rows, folded }, open, only) {
  const list = element("ul", { class: "versions-lines" })
  list.append(...rows.map(drawLine))
  if (!folded) return list
  const fold = element("details", { class: "versions-fold", "data-newest": rows[0].id })
  fold.open = only || open.has(rows[0].id)
  fold.append(element("summary", { text: foldWords(rows) }), list)
  return fold
}

function drawLine(version) {
  const line = fromTemplate("version-line-template")
  const part = (name) => line.querySelector(`[data-${name}]`)
  const name = `version ${version.number}`
  line.dataset.version = version.id
  line.classList.toggle("saved", isSaved(version))
  part("number").textContent = `v${version.number}`
  part("label").textContent = titleOf(version)
  say(part("message"), version.message)
  say(part("published"), publishedWords(version))
  part("author").textContent = version.author
  part("age").textContent = new Date(version.created_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })
  part("age").dateTime = version.created_at
  part("runs").textContent = runsWords(version.runs)
  part("runs").hidden = version.runs === 0
  part("no-runs").hidden = version.runs > 0
  part("pick").setAttribute("aria-label", `Pick ${name} to compare`)
  part("diff").setAttribute("aria-label", `Compare ${name} with the draft`)
  part("publish")?.setAttribute("aria-label", `Publish ${name} for programs`)
  part("restore")?.setAttribute("aria-label", `Restore ${name} into the editor`)
  part("name")?.setAttribute("aria-label", `Give ${name} a label`)
  if (part("name")) part("name").hidden = version.saved_at !== null
  return line
}
