// Presets: apply one, and for editors save, update, rename and delete. The list is the server's.

import { byId, element, say, setText } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { applied, chosenOf } from "../models/presets.js";

export class Presets {
  constructor({ draft, url, presets }) {
    Object.assign(this, { draft, url, presets, last: null, gone: null, send: null })
    this.pick = byId("preset")
    this.form = byId("preset-form") // only for editors
    this.pick.addEventListener("change", () => this.#apply(this.pick.value))
    for (const kind of ["change", "replace"]) draft.addEventListener(kind, () => this.#show())
    byId("preset-reset").addEventListener("click", () => {
      this.#apply(this.last)
      this.pick.focus()
    })
    if (this.form) this.#connectActs()
    this.#drawOptions()
  }

  #connectActs() {
    const on = (id, action) => byId(id).addEventListener("click", action)
    on("preset-save", () => this.#askName("Name of the new preset", "", (name) => this.#save(name, this.#settings)))
    on("preset-rename", () => this.#askName("New name", this.#chosen.preset.name, (name) => this.#change({ name })))
    on("preset-update", () => this.#try(() => this.#change({ settings: this.#settings })))
    on("preset-delete", () => this.#try(() => this.#delete()))
    on("preset-undo", () => this.#try(() => this.#save(this.gone.name, this.gone.settings)))
    on("preset-cancel", () => this.#closeForm())
    this.form.addEventListener("submit", (event) => {
      event.preventDefault()
      this.#try(async () => {
        await this.send(byId("preset-name").value)
        this.#closeForm()
      })
    })
    this.form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return
      event.preventDefault() // Esc also stops a run
      this.#closeForm()
    })
  }

  get #settings() {
    return applied({ settings: {} }, this.draft.spec.settings)
  }

  get #chosen() {
    return chosenOf(this.presets, this.draft.spec.settings, this.last)
  }

  #apply(name) {
    const preset = this.presets.find((one) => one.name === name)
    if (!preset) return
    this.last = name
    this.#forget()
    this.draft.rewrite(({ spec }) => (spec.settings = applied(preset, spec.settings)))
  }

  async #save(name, settings) {
    const { preset } = await requestJson("POST", this.url, { body: { name, settings } })
    await this.#refresh(preset.name)
  }

  async #change(body) {
    const { preset } = await requestJson("PATCH", `/presets/${this.#chosen.preset.id}`, { body })
    await this.#refresh(preset.name)
  }

  async #delete() {
    const { preset } = this.#chosen
    await requestJson("DELETE", `/presets/${preset.id}`)
    await this.#refresh(null)
    this.gone = preset
    byId("preset-gone-words").textContent = `Deleted “${preset.name}”.`
    byId("preset-gone").hidden = false
    byId("preset-undo").focus()
  }

  /** The list may have grown by what colleagues saved. */
  async #refresh(last) {
    const { presets } = await requestJson("GET", this.url)
    Object.assign(this, { presets, last })
    this.#forget()
    this.#drawOptions()
    if (document.activeElement === document.body) this.pick.focus()
  }

  async #try(action) {
    say(byId("preset-fault"), "")
    try {
      await action()
    } catch (error) {
      if (error.code === "not_found") await this.#refresh(null).catch(() => {})
      say(byId("preset-fault"), error.message)
    }
  }

  #askName(label, name, send) {
    this.send = send
    this.#forget()
    byId("preset-label").textContent = label
    byId("preset-name").value = name
    this.form.hidden = false
    byId("preset-acts").hidden = true
    byId("preset-name").select()
  }

  #closeForm() {
    this.form.hidden = true
    byId("preset-acts").hidden = false
    say(byId("preset-fault"), "")
    this.pick.focus()
  }

  #forget() {
    this.gone = null
    byId("preset-gone").hidden = true
    say(byId("preset-fault"), "")
  }

  #drawOptions() {
    const own = element("option", { value: "", text: "Own settings", disabled: "" })
    const groups = [["Built in", (preset) => !preset.id], ["Of this team", (preset) => preset.id]].map(([label, belongs]) => {
      const group = element("optgroup", { label })
      group.append(...this.presets.filter(belongs).map(({ name }) => element("option", { value: name, text: name })))
      return group
    })
    this.pick.replaceChildren(own, ...groups.filter((group) => group.children.length))
    this.#show()
  }

  #show() {
    const { preset, changed } = this.#chosen
    this.pick.value = preset?.name ?? ""
    const words = changed ? "changed" : ""
    setText(byId("preset-state"), words)
    byId("preset-reset").hidden = !changed
    if (!this.form) return
    byId("preset-update").hidden = !(preset?.id && changed)
    for (const id of ["preset-rename", "preset-delete"]) byId(id).hidden = !preset?.id
  }
}
