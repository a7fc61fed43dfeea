// The panel beside the page in which people talk: threads, filters, a box for a new comment, and what happened lately.

import { onAct } from "../lib/acts.js";
import { byId, putChildren, say, setText } from "../lib/dom.js";
import { flash } from "../lib/flash.js";
import { requestJson } from "../lib/http.js";
import { debounce } from "../lib/timing.js";
import { commands } from "../models/commands.js";
import { badgeOf } from "../models/discussion.js";
import { ActivityList } from "./activity_list.js";
import { ReadCalls } from "./read_calls.js";
import { openFoot, ThreadCard } from "./thread_card.js";
import { offerUndo } from "./undo.js";
import { WordsBox } from "./words_box.js";

const EMPTY = {
  open: "Nothing is being discussed. Select words of the prompt, or press the bubble at an answer or an example.",
  resolved: "No thread has been resolved yet.",
  mine: "You have neither written nor been mentioned here.",
}
const TOGETHER = 120 // ms; several changes come together

export class DiscussionPanel {
  /**
   * `urls` has comments and activity; `all` is what a comment is about if nothing else is said; `place(about)` gives its
   * { words, note, url }, `go(about)` leads there, and `here()` says what the person is at, or null.
   */
  constructor({ discussion, urls, rights, all, place, go, here, within = null }) {
    Object.assign(this, { discussion, urls, all, place, here, within, cards: new Map(), about: all })
    this.root = byId("discussion")
    this.parts = { acts: { ask: (...args) => this.#ask(...args), go: (about) => this.#go(about, go), place }, discussion, rights }
    this.box = new WordsBox(byId("comment-text"), { people: () => discussion.people, send: () => this.#begin(), leave: () => this.close() })
    this.activity = new ActivityList({ url: urls.activity, open: (thread) => this.showThread(thread) })
    this.calls = new ReadCalls({ discussion, url: urls.seen })
    this.drawSoon = debounce(() => this.#draw(), TOGETHER)
    this.placesSoon = debounce(() => this.#showPlaces(), TOGETHER)
    this.#connect()
  }

  /** Loads what there is, and opens the thread that the address names. */
  async start() {
    if (this.within) window.addEventListener("focus", () => this.refresh()) // a comparison has no room that tells
    await this.refresh()
    const named = location.hash.match(/^#comment-([0-9a-f-]{36})$/)?.[1] // from the list, or from another page
    if (named) await this.showThread(named)
  }

  /** A line that was cut may have missed something. */
  showConnection(state) {
    if (state === "open" && this.wasCut) this.refresh()
    this.wasCut = state !== "open" && (this.wasCut || state === "waiting")
  }

  /** Asks for the first page again: when news may have been missed, and for another filter. */
  refresh() {
    return this.#try(async () => {
      const state = byId("discussion-state").querySelector(":checked").value
      this.discussion.reset(await requestJson("GET", this.#page({ state })), state)
    })
  }

  /** Somebody has changed a thread: it is fetched with the rights of this page. */
  hear({ thread, comment, by }) {
    return this.#try(async () => {
      const before = this.discussion.find(thread)
      const { thread: now } = await requestJson("GET", `/comments/${thread}`)
      if (!now) return this.discussion.drop(thread)
      this.discussion.put(now)
      const isThere = ({ id }) => id === comment
      const said = before?.comments.some(isThere) ? null : now.comments.find(isThere)
      if (said && by !== this.discussion.user.id) byId("discussion-news").textContent = `${said.user_name}: ${said.text}`
      if (!this.activity.hidden) this.activity.load()
    })
  }

  /** Opens the panel for a comment about something. */
  write(about) {
    this.open()
    this.#choose("comments")
    this.#setAbout(about)
    byId("comment-text").focus()
  }

  /** Opens the panel at a thread, whatever the filter is. */
  async showThread(id) {
    this.open()
    this.#choose("comments")
    await this.#try(async () => {
      if (!this.discussion.find(id)) this.discussion.put((await requestJson("GET", `/comments/${id}`)).thread, { stays: true })
      this.#draw()
      const card = this.cards.get(id)
      if (!card) return // it belongs to another comparison
      flash(card.root)
      card.root.scrollIntoView({ block: "nearest" })
      card.root.querySelector("[data-go]:not([hidden]), [data-there]:not([hidden])").focus({ preventScroll: true })
    })
  }

  open() {
    if (!this.root.hidden) return
    this.opener = document.activeElement
    this.root.hidden = false
    this.#showButtons()
    this.#draw()
    this.#bringCalls()
  }

  close() {
    this.root.hidden = true
    this.#setAbout(this.all)
    this.#showButtons()
    this.opener?.focus()
  }

  #connect() {
    const { discussion } = this
    onAct("discussion", () => (this.root.hidden ? this.write(this.all) : this.close()))
    commands.add({ id: "discussion", group: "Discussion", title: "Discussion", run: () => this.write(this.all) })
    commands.add({ id: "comment", group: "Discussion", title: "Comment on what is selected", keys: "Mod+Shift+M", run: () => this.write(this.here() ?? this.all) })
    commands.add({ id: "activity", group: "Discussion", title: "Activity", run: () => this.#tab("activity") })
    byId("discussion-close").addEventListener("click", () => this.close())
    byId("comment-about-clear").addEventListener("click", () => this.write(this.all))
    byId("threads-older").addEventListener("click", () => this.#older())
    byId("discussion-state").addEventListener("change", () => this.refresh())
    byId("comment-new").addEventListener("submit", (event) => {
      event.preventDefault()
      this.#begin()
    })
    openFoot(byId("comment-text"))
    this.root.addEventListener("keydown", (event) => this.#key(event))
    byId("discussion-tabs").addEventListener("click", ({ target }) => this.#tab(target.closest("[role=tab]")?.id.replace("tab-", "")))
    discussion.addEventListener("change", () => (this.root.hidden ? this.#showButtons() : this.drawSoon()))
    this.#setAbout(this.all)
  }

  /** Esc closes the panel, and stops no run. */
  #key(event) {
    const tab = event.target.closest("[role=tab]")
    if (event.key === "Escape" && !event.defaultPrevented) this.close()
    else if (tab && ["ArrowLeft", "ArrowRight"].includes(event.key)) this.#tab(tab.id === "tab-comments" ? "activity" : "comments")
    else return
    event.preventDefault()
  }

  #tab(name) {
    if (!name) return
    this.open()
    this.#choose(name)
    byId(`tab-${name}`).focus()
    if (name === "activity") this.activity.load()
  }

  #choose(name) {
    for (const each of ["comments", "activity"]) {
      const tab = byId(`tab-${each}`)
      tab.setAttribute("aria-selected", String(each === name))
      tab.tabIndex = each === name ? 0 : -1
      byId(`discussion-${each}`).hidden = each !== name
    }
  }

  #setAbout(about) {
    this.about = about
    this.discussion.wait(this.root.hidden ? null : about)
    const { words } = this.place(about)
    const quote = about.quote?.text
    byId("comment-about-words").textContent = quote ? `${words}: “${quote}”` : `About ${words[0].toLowerCase()}${words.slice(1)}`
    byId("comment-about-clear").hidden = about === this.all
  }

  async #begin() {
    const { words } = this.box
    if (!words) return
    const { about } = this
    const kept = about.kind === "run" ? { kind: "run", run: about.run } : about
    await this.#try(async () => {
      const { thread } = await requestJson("POST", this.urls.comments, { body: { ...words, about: kept } })
      this.box.clear()
      this.#setAbout(this.all)
      if (this.discussion.state === "resolved") byId("discussion-state").querySelector('[value="open"]').click()
      this.discussion.put(thread)
      this.#draw()
      this.cards.get(thread.id)?.root.scrollIntoView({ block: "nearest" })
    })
  }

  /** A request about a comment; true when it was done. */
  #ask(method, path, body) {
    return this.#try(async () => {
      const { thread, undo } = await requestJson(method, `/comments/${path}`, { body })
      const id = path.split("/")[0]
      if (thread) this.discussion.put(thread)
      else this.discussion.drop(id)
      if (undo) this.#offer(undo)
      return true
    })
  }

  #offer(undo) {
    offerUndo(undo, { onBack: () => this.refresh(), onFault: (message) => say(byId("discussion-fault"), message) })
  }

  #older() {
    return this.#try(async () => {
      const { state, last: before } = this.discussion
      this.discussion.extend(await requestJson("GET", this.#page({ state, before })))
    })
  }

  #page(more) {
    const query = new URLSearchParams({ ...more, ...(this.within ? { comparison: this.within } : {}) })
    return `${this.urls.comments}?${query}`
  }

  async #try(action) {
    try {
      const done = await action()
      say(byId("discussion-fault"), "")
      return done
    } catch (error) {
      say(byId("discussion-fault"), error.message)
      return false
    }
  }

  #draw() {
    const { threads, more, state } = this.discussion
    const held = document.activeElement.closest(".thread")
    const place = [...byId("threads").children].indexOf(held)
    const wanted = threads.map((thread) => this.#cardOf(thread))
    this.cards = new Map(wanted.map((card) => [card.id, card]))
    putChildren(byId("threads"), wanted.map(({ root }) => root))
    if (held && !held.isConnected) this.#goOn(place)
    byId("threads-empty").hidden = threads.length > 0
    byId("threads-empty").textContent = EMPTY[state]
    byId("threads-older").hidden = !more
    this.calls.watch(this.root.querySelectorAll("[data-unseen]"))
    this.#showButtons()
  }

  /** The thread that had the keyboard is gone: on to the next one. */
  #goOn(place) {
    const next = [...byId("threads").children].slice(0, place + 1).at(-1)
    const target = next?.querySelector("[data-go]:not([hidden]), [data-there]:not([hidden])") ?? byId("tab-comments")
    target.focus()
  }

  #cardOf(thread) {
    const card = this.cards.get(thread.id) ?? new ThreadCard(thread.id, this.parts)
    card.show(thread)
    return card
  }

  /** Names of places follow the prompt while it is edited. */
  #showPlaces() {
    if (!this.root.hidden) for (const card of this.cards.values()) card.showAbout()
  }

  #showButtons() {
    const { text, words, isCall } = badgeOf(this.discussion)
    for (const place of document.querySelectorAll("[data-discussion-badge]")) {
      setText(place, text)
      place.title = words
      place.hidden = !text
      place.toggleAttribute("data-call", isCall)
    }
    for (const button of document.querySelectorAll('[data-act="discussion"]')) button.setAttribute("aria-expanded", String(!this.root.hidden))
  }

  /** Threads in which one is called are shown, wherever they are. */
  async #bringCalls() {
    const missing = new Set(this.discussion.unseen.map(({ thread }) => thread).filter((id) => !this.discussion.find(id)))
    for (const id of missing) await this.#try(async () => this.discussion.put((await requestJson("GET", `/comments/${id}`)).thread, { stays: true }))
    const [first] = this.discussion.unseen
    if (first) this.cards.get(first.thread)?.root.scrollIntoView({ block: "nearest" })
  }

  #go(about, go) {
    if (matchMedia("(max-width: 999px)").matches) this.close() // it covers the page
    go(about)
  }
}
