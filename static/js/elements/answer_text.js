// <answer-text>: streamed tokens, one span each. Only ever appends while streaming, once per frame, so that
// eight answers at once cost one layout each and what the reader has selected stays selected.

class AnswerText extends HTMLElement {
  #pending = []
  #scheduled = false

  /** Adds tokens ({ t, lp, rank }) at the end; draws them with the next frame and sends "drawn". */
  append(tokens) {
    for (const token of tokens) this.#pending.push(token)
    if (this.#scheduled) return
    this.#scheduled = true
    // A hidden tab gets no frames; there a timer keeps the text up to date.
    if (document.hidden) setTimeout(() => this.#draw(), 100)
    else requestAnimationFrame(() => this.#draw())
  }

  /** Shows exactly these tokens. */
  replace(tokens) {
    this.#pending = []
    this.replaceChildren()
    this.append(tokens)
  }

  set streaming(on) {
    this.toggleAttribute("streaming", on)
  }

  #draw() {
    this.#scheduled = false
    const added = document.createDocumentFragment()
    for (const token of this.#pending) added.append(tokenSpan(token))
    this.#pending = []
    super.append(added)
    this.dispatchEvent(new Event("drawn"))
  }
}

function tokenSpan({ t, lp, rank }) {
  const span = document.createElement("span")
  span.className = "t"
  span.textContent = t
  if (lp !== undefined) span.title = `${(Math.exp(lp) * 100).toFixed(1)} % · rank ${rank}`
  return span
}

customElements.define("answer-text", AnswerText)
