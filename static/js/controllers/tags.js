// The tags of the experiment: Enter or a comma adds what was typed, a cross removes. Editors only.

import { byId, element, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { namesIn, newNames, suggested } from "../models/tags.js";

export function connectTags(page, commands) {
  new Tags(page)
  commands.add({ id: "tags", group: "Experiment", title: "Add a tag", run: () => byId("tag-new").focus() })
}

class Tags {
  constructor({ tags, team_tags: known, urls, limits }) {
    Object.assign(this, { tags, known, limits, url: urls.tags, saved: tags, last: Promise.resolve(), waiting: 0 })
    this.box = byId("tag-new")
    this.box.addEventListener("keydown", (event) => this.#onKey(event))
    this.box.addEventListener("input", () => this.box.value.includes(",") && this.#add()) // also where keys have no names
    this.box.addEventListener("change", () => this.#add()) // what was typed and left is no less meant
    byId("tag-list").addEventListener("click", (event) => {
      const button = event.target.closest("[data-remove]")
      if (button) this.#remove(button.closest("li"))
    })
    this.#suggest()
  }

  #onKey(event) {
    if (event.isComposing) return
    if (event.key === "Enter") {
      event.preventDefault()
      this.#add()
    }
    if (event.key === "Escape" && this.box.value) {
      event.preventDefault() // Esc also stops a run
      this.box.value = ""
    }
  }

  #add() {
    const text = this.box.value
    if (!namesIn(text).length) return this.#clear()
    const add = newNames(this.tags, text, this.known)
    const fault = this.#fault(add)
    if (fault) return say(byId("tags-fault"), fault) // the words stay, to be made shorter
    this.#clear()
    if (add.length) this.#change([...this.tags, ...add], { add })
  }

  #fault(add) {
    const { tags: most, tag_chars: longest } = this.limits
    if (this.tags.length + add.length > most) return `An experiment has at most ${most} tags.`
    return add.some((name) => name.length > longest) ? `A tag has at most ${longest} characters.` : ""
  }

  #clear() {
    this.box.value = ""
    say(byId("tags-fault"), "")
  }

  #remove(chip) {
    const chips = [...byId("tag-list").children]
    const at = chips.indexOf(chip)
    this.#change(this.tags.toSpliced(at, 1), { remove: [this.tags[at]] })
    const next = byId("tag-list").children[at]?.querySelector("[data-remove]") ?? this.box
    next.focus()
  }

  /**
   * Shows `tags` at once and sends what was changed, since others may change them, too. The answers of several presses
   * come in their order, and the last one says how it is.
   */
  #change(tags, change) {
    this.#show(tags)
    this.waiting += 1
    this.last = this.last.then(() => this.#send(change))
  }

  async #send(change) {
    try {
      const answer = await requestJson("PATCH", this.url, { body: change })
      Object.assign(this, { saved: answer.tags, known: answer.team_tags })
      say(byId("tags-fault"), "")
    } catch (error) {
      say(byId("tags-fault"), error.message)
    }
    this.waiting -= 1
    if (!this.waiting) this.#show(this.saved)
  }

  #show(tags) {
    const same = tags.join() === this.tags.join()
    this.tags = tags
    if (!same) byId("tag-list").replaceChildren(...tags.map(chipOf))
    this.#suggest()
  }

  #suggest() {
    byId("team-tags").replaceChildren(...suggested(this.tags, this.known).map((value) => element("option", { value })))
  }
}

function chipOf(name) {
  const chip = fromTemplate("tag-template")
  const link = chip.querySelector("[data-name]")
  link.textContent = name
  link.href += encodeURIComponent(name)
  chip.querySelector("[data-remove]").setAttribute("aria-label", `Remove the tag ${name}`)
  return chip
}
