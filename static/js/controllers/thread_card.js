// One thread in the panel: what it is about, its comments with their reactions, and the box for a reply.

import { element, fromTemplate, putChildren, say } from "../lib/dom.js";
import { pieces } from "../models/mentions.js";
import { whenWords } from "../models/run_list.js";
import { WordsBox } from "./words_box.js";

export class ThreadCard {
  /**
   * `acts` are { ask(method, path, body), go(about), place(about) }: a request about a comment, the way to what a thread is about,
   * and { words, note, url } of that. `discussion` has the people, `rights` says { user, edit, manage }.
   */
  constructor(id, { acts, discussion, rights }) {
    Object.assign(this, { id, acts, discussion, rights, comments: new Map() })
    this.root = fromTemplate("thread-template")
    this.root.dataset.thread = id
    this.#connect()
  }

  show(thread) {
    this.thread = thread
    const { resolved, comments } = thread
    this.root.toggleAttribute("data-resolved", resolved !== null)
    this.#showAbout()
    const mayResolve = this.rights.edit || comments[0].user_id === this.rights.user.id
    this.#part("resolve").hidden = !mayResolve
    this.#part("resolve").setAttribute("aria-pressed", String(resolved !== null))
    const words = resolved ? `Resolved by ${resolved.by}, ${whenWords(resolved.at)}. Open it again` : "Resolve"
    this.#part("resolve").title = words
    this.#part("resolve-words").textContent = words
    const wanted = comments.map((comment) => this.#commentOf(comment))
    this.comments = new Map(wanted.map((made) => [made.root.dataset.comment, made]))
    putChildren(this.#part("comments"), wanted.map(({ root }) => root))
  }

  /** What it is about may be called otherwise, or be gone, after an edit of the prompt. */
  showAbout() {
    if (this.thread) this.#showAbout()
  }

  focusReply() {
    this.area.focus()
  }

  #showAbout() {
    const { about } = this.thread
    const { words, note, url } = this.acts.place(about)
    const quote = about.quote?.text ?? about.answer?.preview.trim() ?? ""
    this.#part("go").hidden = Boolean(url)
    this.#part("there").hidden = !url
    if (url) Object.assign(this.#part("there"), { href: `${url}#comment-${this.id}`, textContent: words })
    this.#part("place").textContent = words
    this.#part("quote").textContent = quote
    this.#part("quote").hidden = !quote
    say(this.#part("note"), note)
  }

  #connect() {
    this.area = this.root.querySelector("[data-reply] textarea")
    const people = () => this.discussion.people
    this.box = new WordsBox(this.area, { people, send: () => this.#reply(), leave: () => this.root.querySelector("[data-go]").focus() })
    openFoot(this.area)
    this.#part("go").addEventListener("click", () => this.acts.go(this.thread.about))
    this.#part("resolve").addEventListener("click", () => this.acts.ask("PUT", `${this.id}/resolution`, { resolved: this.thread.resolved === null }))
    this.#part("reply").addEventListener("submit", (event) => {
      event.preventDefault()
      this.#reply()
    })
  }

  async #reply() {
    const { words } = this.box
    if (words && (await this.acts.ask("POST", `${this.id}/replies`, words))) this.box.clear()
  }

  #commentOf(comment) {
    const made = this.comments.get(comment.id) ?? new CommentPart(comment.id, this)
    made.show(comment)
    return made
  }

  #part(name) {
    return this.root.querySelector(`[data-${name}]`)
  }
}

class CommentPart {
  constructor(id, { acts, discussion, rights }) {
    Object.assign(this, { id, acts, discussion, rights })
    this.root = fromTemplate("comment-template")
    this.root.dataset.comment = id
    this.#connect()
  }

  show(comment) {
    this.comment = comment
    const { user_name: name, created_at: moment, deleted } = comment
    const isMine = comment.user_id === this.rights.user.id
    this.root.toggleAttribute("data-unseen", comment.unseen)
    this.root.setAttribute("aria-label", `${name}, ${whenWords(moment)}`)
    this.#part("author").textContent = name
    this.#part("time").textContent = whenWords(moment)
    this.#part("time").dateTime = moment
    this.#part("edited").hidden = !comment.edited
    const words = pieces(comment.text, comment.mentions).map(({ text, id }) => (id === null ? text : called(text, id === this.rights.user.id)))
    this.#part("text").replaceChildren(...(deleted ? [element("em", { text: "deleted" })] : words))
    this.#part("acts").hidden = deleted
    this.#part("edit").hidden = !isMine
    this.#part("delete").hidden = !isMine && !this.rights.manage
    this.#showReactions(comment.reactions)
  }

  #showReactions(given) {
    const place = this.#part("reactions")
    const held = place.contains(document.activeElement) && document.activeElement.dataset.name
    const chip = ({ name, users, mine }) => {
      const made = feelings().find(({ dataset }) => dataset.name === name)
      made.setAttribute("aria-pressed", String(mine))
      made.setAttribute("aria-label", `${made.title}, ${users.length}: ${users.join(", ")}`)
      made.title = users.join(", ")
      made.append(` ${users.length}`)
      return made
    }
    place.replaceChildren(...given.map(chip))
    if (held) (place.querySelector(`[data-name="${held}"]`) ?? this.#part("react")).focus()
  }

  #connect() {
    const { area } = this
    const on = (name, act) => this.#part(name).addEventListener("click", act)
    this.box = new WordsBox(area, { people: () => this.discussion.people, send: () => this.#save(), leave: () => this.#edit(false) })
    on("react", () => this.#choose(this.#part("feelings").hidden))
    for (const place of ["reactions", "feelings"]) on(place, ({ target }) => this.#react(target.closest("[data-name]")?.dataset.name))
    on("edit", () => this.#edit(true))
    on("edit-cancel", () => this.#edit(false))
    on("delete", () => this.acts.ask("DELETE", this.id))
    this.#part("edit-form").addEventListener("submit", (event) => {
      event.preventDefault()
      this.#save()
    })
  }

  get area() {
    return this.root.querySelector("[data-edit-form] textarea")
  }

  #choose(open) {
    const place = this.#part("feelings")
    if (open) place.replaceChildren(...feelings())
    place.hidden = !open
    this.#part("react").setAttribute("aria-expanded", String(open))
    const next = open ? place.firstElementChild : this.#part("react")
    next.focus()
  }

  #react(name) {
    if (!name) return
    if (!this.#part("feelings").hidden) this.#choose(false)
    const mine = this.comment.reactions.find((one) => one.name === name)?.mine
    this.acts.ask(mine ? "DELETE" : "PUT", `${this.id}/reactions/${name}`)
  }

  #edit(open) {
    this.#part("edit-form").hidden = !open
    this.#part("text").hidden = open
    if (open) this.area.value = this.comment.text
    const next = open ? this.area : this.#part("edit")
    next.focus()
  }

  async #save() {
    const { words } = this.box
    if (words && (await this.acts.ask("PATCH", this.id, words))) this.#edit(false)
  }

  #part(name) {
    return this.root.querySelector(`[data-${name}]`)
  }
}

/** A button for each emoji, with its words as the title. */
function feelings() {
  const made = [...fromTemplate("feelings-template").children]
  for (const button of made) button.setAttribute("aria-label", button.title)
  return made
}

const called = (text, isMe) => element("span", { class: isMe ? "mention me" : "mention", text })

/** The button below a box is there while somebody writes. */
export function openFoot(area) {
  const form = area.closest("form")
  const foot = form.querySelector(".words-foot")
  const show = () => (foot.hidden = !form.contains(document.activeElement) && !area.value)
  area.addEventListener("input", show)
  form.addEventListener("focusin", show)
  form.addEventListener("focusout", () => setTimeout(show, 150)) // after the press that took the keyboard away
}
