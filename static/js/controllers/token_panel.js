// The small panel beside a token: its figures, and what else could have stood there.

import { element, setText } from "../lib/dom.js";
import { beside } from "../lib/beside.js";
import { alternativesOf, bitsOf, isKnown, isOurs, showProbability, spoken, visible } from "../models/token_figures.js";

const HINT = "Choose one to branch the answer here."
const NO_BRANCH = "A remote model cannot go on with another token."

export class TokenPanel {
  /** With `branches` the alternatives are buttons. */
  constructor(panel, branches) {
    Object.assign(this, { panel, branches })
    this.part = (name) => panel.querySelector(`[data-part="${name}"]`)
  }

  get isOpen() {
    return this.panel.matches(":popover-open")
  }

  /** Shows a token beside its span. */
  show(token, at, span) {
    this.part("text").textContent = visible(token.t || ownText(token))
    this.part("place").textContent = `token ${at + 1}${token.given ? ", given" : ""}`
    this.part("figures").textContent = figureWords(token)
    const { rows, rest } = alternativesOf(token)
    const branches = this.branches && isOurs(token)
    this.part("rows").replaceChildren(...rows.map((row) => rowOf(row, token, branches)))
    this.part("rest").textContent = rows.length ? `all other tokens ${showProbability(rest)}` : ""
    this.hint(this.branches && rows.length > 1 ? (branches ? HINT : NO_BRANCH) : "")
    this.place(span)
  }

  /** The last line of the panel; it is read out when it changes. */
  hint(words) {
    const place = this.part("hint")
    setText(place, words)
  }

  /** Opens where the span is now, or hides while the span is out of sight. */
  place(span) {
    const box = span.closest("[data-token-box]").getBoundingClientRect()
    const target = span.getBoundingClientRect()
    if (target.bottom < box.top || target.top > box.bottom) return this.hide()
    if (!this.isOpen) this.panel.showPopover()
    this.panel.style.removeProperty("max-height")
    const size = this.panel.getBoundingClientRect()
    const view = { width: document.documentElement.clientWidth, height: window.innerHeight }
    const { left, top, room } = beside(target, size, view)
    Object.assign(this.panel.style, { left: `${left}px`, top: `${top}px`, maxHeight: `${room}px` })
  }

  hide() {
    if (this.isOpen) this.panel.hidePopover()
  }

  /** Moves the focus by `step` among the alternatives; the first one if none has it. */
  moveFocus(step) {
    const buttons = [...this.part("rows").querySelectorAll("button")]
    const now = buttons.indexOf(document.activeElement)
    buttons.at(now < 0 ? 0 : (now + step + buttons.length) % buttons.length)?.focus()
  }
}

/** The text of a token that ends within a character is known where it is one of its own alternatives. */
function ownText(token) {
  return token.top?.find(([id]) => id === token.id)?.[1] ?? ""
}

function figureWords(token) {
  if (!isKnown(token)) return "probability not known"
  const rank = token.rank && `rank ${token.rank.toLocaleString("en")}`
  return [`p ${showProbability(Math.exp(token.lp))}`, rank, `${bitsOf(token.lp).toFixed(2)} bits`].filter(Boolean).join(" · ")
}

function rowOf({ id, text, probability, rank, taken }, token, branches) {
  const shown = text || (taken ? ownText(token) : "")
  const row = element(taken || !branches ? "div" : "button", { class: taken ? "alternative taken" : "alternative" })
  const meter = element("span", { class: "meter", "aria-hidden": "true" })
  meter.append(element("span"))
  meter.firstElementChild.style.width = `${probability * 100}%`
  const number = element("span", { text: showProbability(probability), class: "chance" })
  if (taken) {
    row.append(element("span", { text: "this answer, ", class: "visually-hidden" }))
  } else if (branches) {
    Object.assign(row, { type: "button" })
    Object.assign(row.dataset, { id, text })
    row.setAttribute("aria-label", `${spoken(shown)}, probability ${showProbability(probability)}, rank ${rank}: branch the answer here`)
  }
  row.append(element("bdi", { text: visible(shown), class: "token-text" }), meter, number)
  return row
}
