// When the draft was changed elsewhere, too: puts both changes together, and asks where they clash. Nothing is saved
// over anybody's words meanwhile, and the way back is in the bar of restored drafts.

import { byId, element, say } from "../lib/dom.js";
import { mergeDrafts } from "../models/draft_merge.js";
import { bothTexts } from "../models/text_merge.js";

const OPTIONS = { both: "both", mine: "mine", theirs: "theirs" }

export class Conflicts {
  /** `saver` saves the draft, `restore` puts one into the editor with a way back, `difference` shows two prompts. */
  constructor({ draft, saver, restore, difference, user }) {
    Object.assign(this, { draft, saver, restore, difference, user })
    this.dialog = byId("merge")
    saver.onConflict = (conflict) => this.#begin(conflict)
    byId("merge-open").addEventListener("click", () => this.#open())
    byId("merge-look-theirs").addEventListener("click", () => this.#look(`what ${this.who} saved`, this.conflict.theirs))
    byId("merge-look-mine").addEventListener("click", () => this.#look("what you have here", this.draft.asJson()))
    byId("merge-theirs").addEventListener("click", () => this.#end(this.conflict.theirs, `The draft that ${this.who} saved is in the editor.`))
    byId("merge-mine").addEventListener("click", () => this.#keepMine())
    byId("merge-form").addEventListener("submit", (event) => {
      event.preventDefault()
      this.#end(this.merge.build(this.#choices), `Merged with what ${this.who} changed.`)
    })
  }

  #begin(conflict) {
    this.conflict = conflict
    const { by } = conflict
    this.who = by?.id === this.user.id ? "another tab" : (by?.id ? by.name : "somebody")
    this.#put()
    if (!this.merge.clashes.length) return this.#end(this.merge.build(), `Merged with what ${this.who} changed.`)
    byId("save-words").textContent = this.who === "another tab" ? "changed in another tab, too" : `${this.who} changed it, too`
  }

  /** Puts together what is on the page now: people may have typed since. */
  #put() {
    this.merge = mergeDrafts(this.conflict.base, this.draft.asJson(), this.conflict.theirs, this.draft.limits)
  }

  #open() {
    this.#put()
    const { clashes } = this.merge
    const count = clashes.length === 1 ? "One place clashes" : `${clashes.length} places clash`
    byId("merge-words").textContent = `${capital(this.who)} saved this experiment while you were changing it. ${count}; all the rest is put together already.`
    byId("merge-their-words").textContent = `What ${this.who} changed`
    byId("merge-clashes").replaceChildren(...clashes.map(drawClash))
    this.dialog.showModal()
  }

  get #choices() {
    return Object.fromEntries(new FormData(byId("merge-form")))
  }

  #look(title, { spec }) {
    this.difference.show({ title: "the draft that both began with", spec: this.conflict.base.spec }, { title, spec })
  }

  #keepMine() {
    this.dialog.close()
    this.saver.keepMine()
  }

  /** Begins from theirs, so that what is put into the editor is saved as a change of it. */
  #end(draft, words) {
    if (this.dialog.open) this.dialog.close()
    this.saver.takeTheirs()
    keepingTheCursor(() => this.restore.putDraft(draft, words))
  }
}

const capital = (words) => words[0].toUpperCase() + words.slice(1)

function drawClash({ id, where, base, mine, theirs, options }) {
  const texts = { both: bothTexts(mine, theirs), mine, theirs }
  const set = element("fieldset", { class: "clash" })
  const before = element("p", { class: "clash-base quiet" })
  say(before, base.trim() && `was: ${base.trim()}`)
  set.append(element("legend", { text: where }), before, ...options.map((option, place) => drawOption(id, option, texts[option], place === 0)))
  return set
}

function drawOption(name, value, text, checked) {
  const label = element("label", { class: "clash-option" })
  const radio = element("input", { type: "radio", name, value, autocomplete: "off" })
  radio.checked = checked
  const words = text.trim() || "nothing: it was deleted"
  label.append(radio, element("b", { text: OPTIONS[value] }), element("span", { class: text.trim() ? "clash-text" : "quiet", text: words }))
  return label
}

/** The boxes of the input are drawn anew; whoever types in one goes on there. */
function keepingTheCursor(act) {
  const held = document.activeElement
  const boxes = () => [...document.querySelectorAll("#inputs textarea")]
  const place = boxes().indexOf(held)
  const [start, end] = [held?.selectionStart, held?.selectionEnd]
  act()
  const box = place < 0 ? null : boxes()[place]
  if (!box || box === document.activeElement) return
  box.focus({ preventScroll: true })
  box.setSelectionRange(Math.min(start, box.value.length), Math.min(end, box.value.length))
}
