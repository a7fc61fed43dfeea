// Marks over the words of a text box. A box cannot mark its own words, so a layer of the same shape lies over it, with the
// same text in no colour. The parent of the box must be positioned.

import { element } from "./dom.js";

const SHAPE = [
  "border-width", "direction", "font-family", "font-size", "font-weight", "letter-spacing", "line-height", "padding", "tab-size",
  "text-align", "text-indent", "word-spacing", "overflow-wrap", "word-break", "unicode-bidi",
]

export class TextLayer {
  constructor(box) {
    this.box = box
    this.root = element("div", { class: "text-layer", "aria-hidden": "true" })
    box.after(this.root)
    this.#shape()
    this.watch = new ResizeObserver(() => this.#shape())
    this.watch.observe(box)
    this.follow = () => this.#place()
    box.addEventListener("scroll", this.follow, { passive: true })
  }

  /** Marks `ranges`, [{ start, end, name }]; ends that overlap are cut. Returns the marks, in order. */
  show(ranges) {
    const text = this.box.value
    const ordered = [...ranges].sort((one, other) => one.start - other.start)
    const parts = []
    let at = 0
    for (const { start, end, name } of ordered) {
      const from = Math.max(at, start)
      if (from > end || (from === end && start !== end)) continue
      const mark = element("mark", { class: name, text: text.slice(from, end) })
      parts.push(text.slice(at, from), mark)
      at = end
    }
    this.root.replaceChildren(...parts, `${text.slice(at)}\n`)
    this.#place()
    return [...this.root.children]
  }

  remove() {
    this.watch.disconnect()
    this.box.removeEventListener("scroll", this.follow)
    this.root.remove()
  }

  #shape() {
    const style = getComputedStyle(this.box)
    for (const name of SHAPE) this.root.style.setProperty(name, style.getPropertyValue(name))
    this.root.style.setProperty("white-space", this.box.matches("input") ? "pre" : "pre-wrap")
    // A scroll bar of the box takes room from its text.
    const bar = this.box.offsetWidth - this.box.clientWidth - parseFloat(style.borderLeftWidth) - parseFloat(style.borderRightWidth)
    this.root.style.setProperty("padding-right", `${parseFloat(style.paddingRight) + bar}px`)
    this.#place()
  }

  /** With every text: reads the layout, and writes only what is not so already. */
  #place() {
    putOver(this.box, this.root)
    const { scrollTop, scrollLeft } = this.box
    if (this.root.scrollTop !== scrollTop) this.root.scrollTop = scrollTop
    if (this.root.scrollLeft !== scrollLeft) this.root.scrollLeft = scrollLeft
  }
}

/** Gives `cover` the place and the size of `box`, which has the same positioned parent. */
export function putOver(box, cover) {
  const place = { left: box.offsetLeft, top: box.offsetTop, width: box.offsetWidth, height: box.offsetHeight }
  for (const [name, length] of Object.entries(place)) {
    if (cover.style[name] !== `${length}px`) cover.style[name] = `${length}px`
  }
}

/** Where some words of a box are in the window, as a DOMRect. */
export function rectOf(box, start, end) {
  const layer = new TextLayer(box)
  const [mark] = layer.show([{ start, end, name: "" }])
  const rect = mark ? mark.getBoundingClientRect() : box.getBoundingClientRect()
  layer.remove()
  return rect
}
