// The dialog with code that asks the same again. Any element with data-code opens it: its value is the address of the
// code; without one it is that of the run of the card around it.

import { byId, copyWithNote, element, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { TabMemory } from "../lib/tab_memory.js";

const NOTES = {
  curl: "For a shell such as bash.",
  Python: "Needs the official client: pip install openai",
  JavaScript: "Needs the official client: npm install openai. Save it as a file that ends in .mjs, and run it with node.",
  Terminal: "On the machine that Fewshot runs on, in its folder. It needs no key.",
}

export class CodeDialog {
  constructor() {
    this.dialog = byId("code")
    this.memory = new TabMemory("code language", localStorage)
    this.languages = []
    document.addEventListener("click", ({ target }) => this.#press(target.closest("[data-code]")))
    byId("code-copy").addEventListener("click", () => copyWithNote(byId("code-copy"), byId("code-text").textContent))
    byId("code-tabs").addEventListener("click", ({ target }) => target.closest("[role=tab]") && this.#show(target.textContent))
    byId("code-tabs").addEventListener("keydown", (event) => this.#key(event))
  }

  #press(button) {
    if (!button) return
    button.closest("[popover]")?.hidePopover()
    this.open(button.dataset.code || `/runs/${button.closest("[data-run]").dataset.run}/code`)
  }

  async open(url) {
    this.languages = []
    byId("code-tabs").replaceChildren()
    byId("code-text").textContent = ""
    say(byId("code-fault"), "")
    this.dialog.showModal()
    try {
      this.languages = (await requestJson("GET", url)).languages
      byId("code-tabs").replaceChildren(...this.languages.map(({ language }) => element("button", { type: "button", role: "tab", text: language, "aria-controls": "code-text" })))
      this.#show(this.#names.includes(this.memory.read()) ? this.memory.read() : this.#names[0])
    } catch (error) {
      say(byId("code-fault"), error.message)
    }
  }

  get #names() {
    return this.languages.map(({ language }) => language)
  }

  #show(name) {
    this.memory.keep(name)
    for (const tab of byId("code-tabs").children) {
      const isShown = tab.textContent === name
      tab.setAttribute("aria-selected", String(isShown))
      tab.tabIndex = isShown ? 0 : -1
    }
    byId("code-text").textContent = this.languages.find(({ language }) => language === name).code
    byId("code-text").scrollTo(0, 0)
    byId("code-text").setAttribute("aria-label", name)
    byId("code-note").textContent = NOTES[name]
    byId("code-key").hidden = name === "Terminal"
  }

  #key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    const tabs = [...byId("code-tabs").children]
    const at = tabs.indexOf(event.target)
    if (!step || at < 0) return
    event.preventDefault()
    const next = tabs[(at + step + tabs.length) % tabs.length]
    this.#show(next.textContent)
    next.focus()
  }
}
