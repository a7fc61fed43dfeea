// The exact text the model gets, with special tokens marked and, on demand, the borders of all tokens.

import { byId, copyWithNote, element } from "../lib/dom.js";

export class ExactPrompt {
  constructor() {
    this.panel = byId("exact")
    this.text = ""
    this.tokens = []
    const toggle = byId("exact-toggle")
    toggle.addEventListener("click", () => {
      this.panel.hidden = !this.panel.hidden
      toggle.setAttribute("aria-expanded", String(!this.panel.hidden))
      this.#draw()
    })
    byId("boundaries").addEventListener("change", (event) => byId("exact-text").classList.toggle("boundaries", event.target.checked))
    byId("copy-exact").addEventListener("click", () => copyWithNote(byId("copy-exact"), this.text))
  }

  show({ text, tokens }) {
    Object.assign(this, { text, tokens })
    this.#draw()
  }

  refuse(message) {
    this.show({ text: "", tokens: [] })
    byId("exact-note").textContent = message
  }

  /** Only while it can be seen: a prompt may have thousands of tokens. */
  #draw() {
    if (this.panel.hidden) return
    const note = `${this.tokens.length.toLocaleString("en")} tokens, as the model gets them`
    byId("exact-note").textContent = note
    byId("exact-text").replaceChildren(...this.tokens.map(tokenSpan))
  }
}

function tokenSpan({ id, text, special, part }) {
  const kind = part.split(":")[0]
  const name = kind === "example" ? `example ${Number(part.split(":")[1]) + 1}` : kind
  return element("span", { text, class: special ? "tok special" : "tok", "data-part": kind, title: `${id} · ${name}` })
}
