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
    this.follow = () => this.#place()
    this.watch = new ResizeObserver(this.follow)
    this.watch.observe(box)
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

  #place() {
    const style = getComputedStyle(this.box)
    for (const name of SHAPE) this.root.style.setProperty(name, style.getPropertyValue(name))
    const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = this.box
    const place = { left: offsetLeft, top: offsetTop, width: offsetWidth, height: offsetHeight }
    for (const [name, value] of Object.entries(place)) this.root.style.setProperty(name, `${value}px`)
    // A scroll bar of the box takes room from its text.
    const bar = offsetWidth - this.box.clientWidth - parseFloat(style.borderLeftWidth) - parseFloat(style.borderRightWidth)
    this.root.style.setProperty("padding-right", `${parseFloat(style.paddingRight) + bar}px`)
    this.root.style.setProperty("white-space", this.box.matches("input") ? "pre" : "pre-wrap")
    Object.assign(this.root, { scrollTop: this.box.scrollTop, scrollLeft: this.box.scrollLeft })
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
