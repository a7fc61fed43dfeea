// The panel of the next token: bars of the likely ones, what every sampler leaves of them, and the words around.
// Moving a slider redraws from the logits that are here already.

import { byId, element, fromTemplate, say } from "../lib/dom.js";
import { requestBytes, requestJson } from "../lib/http.js";
import { Distribution } from "../models/distribution.js";
import { showProbability, spoken, visible } from "../models/token_figures.js";
import { TokenProbe } from "../models/token_probe.js";

const ROWS = 8
const MORE = 24
const NAMES = { raw: "Raw", temperature: "Temperature", top_k: "Top-k", top_p: "Top-p", min_p: "Min-p" }
const OFF = { top_k: 0, top_p: 1 }
const LEGEND = "Mark: raw probability. Dot: what greedy takes."
const GREEDY = "Greedy takes the first token. The samplers are ignored, so this is the raw distribution."
const PENALTIES = { repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0 } // as they are when they are off
const plain = (count) => count.toLocaleString("en")

export class NextToken {
  constructor({ draft, url, models }) {
    this.draft = draft
    this.count = ROWS
    this.chosen = null // the step whose probabilities the bars show; null is the last one
    this.texts = new Map() // by address
    this.probe = new TokenProbe({ draft, ask: (body, signal) => this.#ask(url, body, signal) })
    this.probe.addEventListener("change", () => this.#show())
    for (const kind of ["change", "replace"]) draft.addEventListener(kind, () => this.#follow())
    this.#makeSteps()
    this.#connectPanel()
    this.showModels(models)
  }

  showModels(models) {
    this.probe.showModels(models)
  }

  #connectPanel() {
    const panel = byId("next-token")
    const kept = localStorage.getItem("next-token")
    panel.open = kept ? kept === "open" : matchMedia("(min-width: 1000px)").matches
    panel.addEventListener("toggle", () => {
      localStorage.setItem("next-token", panel.open ? "open" : "closed")
      this.probe.open(panel.open)
    })
    byId("next-back").addEventListener("click", () => this.probe.backToPrompt())
    byId("next-more").addEventListener("click", () => {
      this.count += MORE
      this.#show()
    })
    byId("next-rows").addEventListener("click", ({ target }) => this.#begin(target.closest("button")))
    document.addEventListener("token-chosen", ({ detail }) => detail.run && detail.isOurs !== false && this.probe.goTo(detail))
    this.probe.open(panel.open)
  }

  async #ask(url, body, signal) {
    const { bytes, headers } = await requestBytes("POST", url, { body, signal })
    const texts = await this.#textsAt(headers.get("X-Vocabulary"))
    const taken = headers.has("X-Taken") ? Number(headers.get("X-Taken")) : null
    return { distribution: new Distribution(bytes), texts, taken }
  }

  /** The texts of a model's tokens: fetched once, and kept by the browser for the next page. */
  async #textsAt(address) {
    if (!this.texts.has(address)) this.texts.set(address, await requestJson("GET", address))
    return this.texts.get(address)
  }

  /** Everything, after the model has answered or the question has changed. */
  #show() {
    const { found, words, place, isAsking } = this.probe
    say(byId("next-words"), words)
    byId("next-place").textContent = isAsking ? "Asking the model…" : place ? `Token ${place.at + 1} of the answer` : "How an answer would begin"
    byId("next-back").hidden = !place
    byId("next-found").hidden = !found
    byId("next-found").classList.toggle("stale", isAsking)
    if (!found) return
    this.#makeRows(found)
    this.#draw()
  }

  #makeRows({ distribution, texts, taken }) {
    const places = Array.from({ length: Math.min(this.count, distribution.size) }, (_, place) => place)
    const takenAt = distribution.ids.indexOf(taken)
    if (takenAt >= places.length) places.push(takenAt)
    this.rows = places.map((place) => makeRow(distribution, texts, place, taken))
    const held = byId("next-rows").contains(document.activeElement) && document.activeElement.dataset.id
    byId("next-rows").replaceChildren(...this.rows.map(({ line }) => line))
    if (held) byId("next-rows").querySelector(`[data-id="${held}"]`)?.focus()
    byId("next-more").hidden = places.length >= distribution.size
  }

  #makeSteps() {
    this.steps = Object.keys(NAMES).map((name) => {
      const line = fromTemplate("next-step-template")
      const box = line.querySelector("input")
      box.addEventListener("change", () => {
        const { steps } = this
        this.chosen = steps.findLast((step) => !step.line.hidden).name === name ? null : name
        this.#drawSoon()
      })
      return { name, line, box, label: box.nextElementSibling, cells: [...line.children].slice(1) }
    })
    byId("next-steps").append(...this.steps.map(({ line }) => line))
  }

  /** Of the draft, bars depend on the settings alone, and most of what changes is text. */
  #follow() {
    if (JSON.stringify(this.draft.spec.settings) !== this.drawn) this.#drawSoon()
  }

  #drawSoon() {
    if (this.frame || !this.probe.found || !this.probe.isOpen) return
    this.frame = requestAnimationFrame(() => {
      this.frame = null
      if (this.probe.found) this.#draw()
    })
  }

  /** What depends on the settings alone: the numbers and the length of the bars. */
  #draw() {
    const { settings } = this.draft.spec
    this.drawn = JSON.stringify(settings)
    const steps = this.probe.found.distribution.steps(settings)
    const shown = steps.find(({ name }) => name === this.chosen) ?? steps.at(-1)
    const longest = Math.max(steps[0].probability(0), shown.probability(0))
    for (const row of this.rows) drawRow(row, steps[0], shown, longest)
    byId("next-rest").textContent = restWords(this.rows, shown)
    for (const line of this.steps) drawStep(line, steps.find(({ name }) => name === line.name), settings, shown)
    byId("next-note").textContent = noteOf(settings)
  }

  #begin(button) {
    if (!button) return
    const { run = null, at = 0 } = this.probe.place ?? {}
    const id = Number(button.dataset.id)
    const detail = { run, at, id, text: textOf(this.probe.found.texts, id) }
    document.dispatchEvent(new CustomEvent("begin-with", { detail }))
  }
}

const textOf = (texts, id) => texts[id] ?? `<id ${id}>` // a model may have more logits than its tokenizer has tokens

function makeRow(distribution, texts, place, taken) {
  const line = fromTemplate("next-row-template")
  const id = distribution.ids[place]
  const row = line.querySelector(".next-row")
  const text = row.querySelector(".next-text")
  row.dataset.id = id
  text.append(element("span", { text: visible(textOf(texts, id)), "aria-hidden": "true" }))
  const marks = [spoken(textOf(texts, id)), id === distribution.greedy && "greedy pick", id === taken && "taken by the answer"]
  text.append(element("span", { class: "visually-hidden", text: `${marks.filter(Boolean).join(", ")}, ` }))
  row.classList.toggle("greedy", id === distribution.greedy)
  row.classList.toggle("taken", id === taken)
  return { place, line, row, bar: row.querySelector(".next-bar"), share: row.querySelector(".next-share") }
}

function drawRow({ place, row, bar, share }, raw, shown, longest) {
  const isCut = place >= shown.left
  bar.style.setProperty("--share", shown.probability(place) / longest)
  bar.style.setProperty("--raw", raw.probability(place) / longest)
  row.classList.toggle("cut", isCut)
  share.textContent = isCut ? "cut" : showProbability(shown.probability(place))
}

function restWords(rows, shown) {
  const inRows = rows.filter(({ place }) => place < shown.left)
  const others = shown.left - inRows.length
  if (!others) return "No other token is left."
  const mass = 1 - inRows.reduce((sum, { place }) => sum + shown.probability(place), 0)
  return `${plain(others)} other${others === 1 ? "" : "s"}: ${showProbability(Math.max(0, mass))}`
}

function noteOf(settings) {
  const penalised = Object.entries(PENALTIES).some(([name, off]) => (settings[name] ?? off) !== off)
  return `${settings.mode === "greedy" ? GREEDY : LEGEND}${penalised ? " Penalties are not in this picture." : ""}`
}

function drawStep({ name, line, box, label, cells }, step, settings, shown) {
  line.hidden = !step
  if (!step) return
  const setting = name === "raw" ? "" : settings[name] === OFF[name] ? " off" : ` ${settings[name]}`
  const cut = step.cut > 5e-5 ? `${(step.cut * 100).toFixed(step.cut < 0.1 ? 2 : 1)} %` : "–"
  const words = [plain(step.left), cut, step.entropy.toFixed(2)]
  box.checked = step === shown
  label.textContent = `${NAMES[name]}${setting}`
  words.forEach((text, index) => (cells[index].textContent = text))
  box.setAttribute("aria-label", `${label.textContent}: ${words[0]} tokens, ${cut === "–" ? "nothing" : cut} cut, entropy ${words[2]} bits`)
}
