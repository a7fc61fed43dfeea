// The dialog that makes share links and lists those of one thing. Any element with data-share opens it: its value is the
// kind, data-share-id the id; without one it is that of the card or line around it, such as data-run.

import { byId, copyWithNote, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { expiryOf, factsWords, kindWords, modeWords, titleWords } from "../models/share_words.js";

export class ShareDialog {
  constructor(commands) {
    this.dialog = byId("share")
    this.form = byId("share-form")
    this.url = this.dialog.dataset.url
    this.target = null // { kind, id }
    document.addEventListener("click", ({ target }) => this.#press(target.closest("[data-share]")))
    this.form.addEventListener("submit", (event) => {
      event.preventDefault()
      this.#try(() => this.#make())
    })
    this.form.addEventListener("change", () => this.#showChoice())
    byId("share-url").addEventListener("focus", ({ target }) => target.select())
    byId("share-copy").addEventListener("click", () => copyWithNote(byId("share-copy"), byId("share-url").value))
    this.#connectCommand(commands)
  }

  /** Opens for one thing: { kind, id }. */
  open(target) {
    this.target = target
    byId("share-mode").hidden = target.kind === "version"
    byId("share-kind").textContent = kindWords(target.kind)
    byId("share-file").href = `${this.dialog.dataset.offline}?${this.#query}`
    byId("share-links").replaceChildren()
    byId("share-links-label").hidden = true
    byId("share-made").hidden = true
    byId("share-url").value = ""
    this.form.reset()
    this.#showChoice()
    say(byId("share-fault"), "")
    this.dialog.showModal()
    this.#try(() => this.#list())
  }

  #connectCommand(commands) {
    const button = document.querySelector("[data-share][data-share-id]")
    if (!button) return
    const { share: kind, shareId: id } = button.dataset
    commands.add({ id: "share", group: "Experiment", title: `Share ${kindWords(kind)}`, run: () => this.open({ kind, id }) })
  }

  #press(button) {
    if (!button) return
    button.closest("[popover]")?.hidePopover()
    const { share: kind, shareId } = button.dataset
    this.open({ kind, id: shareId ?? button.closest(`[data-${kind}]`).dataset[kind] })
  }

  get #query() {
    return new URLSearchParams(this.target)
  }

  #showChoice() {
    const { mode, expires } = this.form.elements
    byId("share-mode-words").textContent = modeWords(mode.value, this.target.kind)
    const isDate = expires.value === "date"
    byId("share-date").hidden = !isDate
    byId("share-date").required = isDate
  }

  async #make() {
    const { mode, expires } = this.form.elements
    const passphrase = byId("share-passphrase").value
    const body = { ...this.target, mode: mode.value, expires: expiryOf(expires.value, byId("share-date").value), passphrase }
    byId("share-make").disabled = true
    try {
      const { url } = await requestJson("POST", this.url, { body })
      byId("share-url").value = url
      byId("share-made-words").textContent = passphrase ? "Send the passphrase another way." : ""
      byId("share-made").hidden = false
      byId("share-passphrase").value = ""
      byId("share-copy").focus()
    } finally {
      byId("share-make").disabled = false
    }
    await this.#list()
  }

  async #list() {
    const { links } = await requestJson("GET", `${this.url}?${this.#query}`)
    byId("share-links-label").hidden = !links.length
    byId("share-links").replaceChildren(...links.map((link) => this.#line(link)))
  }

  #line(link) {
    const line = fromTemplate("share-line-template")
    const part = (name) => line.querySelector(`[data-${name}]`)
    line.dataset.state = link.state
    part("title").textContent = titleWords(link)
    part("facts").textContent = factsWords(link, shown)
    part("acts").hidden = link.state === "revoked"
    const path = `${this.url}/${link.id}`
    part("revoke").addEventListener("click", () => this.#change(() => requestJson("DELETE", path)))
    part("expires").addEventListener("change", ({ target }) =>
      this.#change(() => requestJson("PATCH", path, { body: { expires: target.value } })),
    )
    return line
  }

  #change(act) {
    return this.#try(async () => {
      await act()
      await this.#list()
      if (document.activeElement === document.body) byId("share-links-label").focus()
    })
  }

  async #try(act) {
    say(byId("share-fault"), "")
    try {
      await act()
    } catch (error) {
      say(byId("share-fault"), error.message)
    }
  }
}

const shown = (iso) => new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })
