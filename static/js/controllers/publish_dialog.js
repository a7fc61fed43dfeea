// Publishes a version, or the draft, under a name that programs know.

import { onAct } from "../lib/acts.js";
import { byId, copyWithNote, element, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { commands } from "../models/commands.js";

export class PublishDialog {
  /** `done` is called when something has been published. */
  constructor({ url, room, done }) {
    Object.assign(this, { url, room, done, version: null, published: [] })
    this.dialog = byId("publish")
    byId("publish-form").addEventListener("submit", (event) => {
      event.preventDefault()
      this.#try(() => this.#publish())
    })
    byId("publish-name").addEventListener("input", () => this.#showHolder())
    byId("publish-copy").addEventListener("click", () => copyWithNote(byId("publish-copy"), byId("publish-address").value))
    byId("publish-address").addEventListener("focus", ({ target }) => target.select())
    onAct("publish", () => this.open(null))
    commands.add({ id: "publish", group: "Experiment", title: "Publish for programs", run: () => this.open(null) })
  }

  /** Opens for a version; null is the draft as it is when it is published. */
  open(version) {
    this.version = version
    byId("publish-what").textContent = version ? `v${version.number}` : "this draft"
    this.#isMade(false)
    byId("publish-name").value = ""
    this.dialog.showModal()
    return this.#try(() => this.#load())
  }

  async #load() {
    const { published, suggested } = await requestJson("GET", this.url)
    this.published = published
    byId("publish-names").replaceChildren(...published.map(({ name }) => element("option", { value: name })))
    const box = byId("publish-name")
    if (!box.value) {
      box.value = published[0]?.name ?? suggested // somebody may have typed a name meanwhile
      box.select()
    }
    this.#showHolder()
  }

  #showHolder() {
    const name = byId("publish-name").value.trim().toLowerCase()
    const holder = this.published.find((one) => one.name === name)
    byId("publish-now").textContent = holder ? `Programs that ask ${name} get v${holder.number} until then.` : ""
    byId("publish-button").textContent = holder ? "Switch" : "Publish"
  }

  async #publish() {
    byId("publish-button").disabled = true
    try {
      if (!this.version) await this.room.settled()
      const body = { name: byId("publish-name").value, version: this.version?.id ?? null }
      const { published } = await requestJson("POST", this.url, { body })
      this.#showMade(published)
      this.done()
    } finally {
      byId("publish-button").disabled = false
    }
  }

  #showMade({ address, number, code }) {
    byId("publish-made-words").textContent = `v${number} is published.`
    byId("publish-address").value = address
    byId("publish-code").dataset.code = code
    this.#isMade(true)
    byId("publish-copy").focus()
  }

  #isMade(isMade) {
    byId("publish-form").hidden = isMade
    byId("publish-made").hidden = !isMade
  }

  async #try(act) {
    say(byId("publish-fault"), "")
    try {
      await act()
    } catch (error) {
      say(byId("publish-fault"), error.message)
    }
  }
}
