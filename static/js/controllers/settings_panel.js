// Model, layout and generation settings. A setting that the mode ignores is disabled, and the page says why.

import { byId, say } from "../lib/dom.js";
import { faultInStops, readStops, showStops } from "../models/escapes.js";
import { optionWords, stateWords } from "../models/model_words.js";
import { OFF } from "../models/presets.js";
import { grow } from "./autosize.js";

const KNOBS = ["max_new_tokens", "temperature", "top_k", "top_p", ...Object.keys(OFF)]
const MODE_NOTES = {
  greedy: "Always takes the most likely token.",
  sample: "Draws one of the likely tokens: first temperature, then top-k, then top-p shape the odds.",
}
const WHOLE = new Set(["max_new_tokens", "top_k", "seed"])

/** Connects the panel; returns { showModels(models) } for whoever asks the server how the models stand. */
export function connectSettings(draft, page) {
  let { models } = page
  for (const key of KNOBS) connectKnob(draft, key)
  connectChoices(draft)
  connectStops(draft, page.limits)
  connectSeed(draft)
  byId("model").addEventListener("change", ({ target }) => draft.rewrite(({ spec }) => choose(spec, target.value, models)))
  let shown = ""
  const show = () => {
    shown = contentOf(draft.spec)
    showAll(draft.spec)
    showModel(draft, models)
  }
  // Most of what others write is text, many letters a second.
  draft.addEventListener("replace", ({ detail }) => (detail?.isNews && contentOf(draft.spec) === shown) || show())
  draft.addEventListener("change", ({ detail }) => {
    if (detail?.isNews) return
    shown = contentOf(draft.spec)
    showDependent(draft, models)
  })
  show()
  foldOnPhones()
  return {
    showModels(fresh) {
      models = fresh
      showModel(draft, models)
    },
  }
}

const contentOf = ({ settings, layout, model }) => JSON.stringify([settings, layout, model])

/** Takes a model; a layout that it does not have becomes the one that it has. */
function choose(spec, name, models) {
  spec.model = name
  const { layouts } = models.find((one) => one.name === name) ?? {}
  if (layouts && !layouts.includes(spec.layout)) [spec.layout] = layouts
}

function connectKnob(draft, key) {
  const knob = document.querySelector(`[data-knob="${key}"]`)
  const [number, slider] = knob.querySelectorAll("input")
  const write = (from, to) => {
    const fault = faultInNumber(from, valueOf(draft.spec.settings, key))
    say(knob.querySelector(".fault"), fault)
    number.setAttribute("aria-invalid", String(Boolean(fault)))
    if (fault) return
    to.value = from.value
    fill(slider)
    draft.change(() => (draft.spec.settings[key] = Number(from.value)))
  }
  number.addEventListener("input", () => write(number, slider))
  slider.addEventListener("input", () => write(slider, number))
}

const valueOf = (settings, key) => settings[key] ?? OFF[key]

/** What is wrong with the number in `box`, as words that name the value which counts meanwhile, or "". */
function faultInNumber(box, counts) {
  const value = Number(box.value)
  const { min, max, id } = box
  const still = `; ${counts ?? "none"} still counts.`
  if (box.value.trim() === "" || Number.isNaN(value)) return `A number is needed here${still}`
  if (WHOLE.has(id) && !Number.isInteger(value)) return `A whole number is needed here${still}`
  return value < Number(min) || value > Number(max) ? `From ${min} to ${Number(max).toLocaleString("en")}${still}` : ""
}

/** Paints the part of the track left of the thumb. */
function fill(slider) {
  const share = (slider.value - slider.min) / (slider.max - slider.min)
  slider.style.setProperty("--share", share)
}

function connectChoices(draft) {
  byId("layout").addEventListener("change", (event) => draft.change(() => (draft.spec.layout = event.target.value)))
  byId("mode").addEventListener("change", (event) => draft.change(() => (draft.spec.settings.mode = event.target.value)))
}

function connectStops(draft, limits) {
  const area = byId("stop")
  area.addEventListener("input", () => {
    const stops = readStops(area.value)
    const fault = faultInStops(stops, limits)
    say(byId("stop-fault"), fault)
    if (!fault) draft.change(() => (draft.spec.settings.stop = stops))
  })
}

function connectSeed(draft) {
  const box = byId("seed")
  const write = () => {
    const fault = box.value === "" && !box.validity.badInput ? "" : faultInNumber(box, draft.spec.settings.seed)
    say(byId("seed-fault"), fault)
    if (!fault) draft.change(() => (draft.spec.settings.seed = box.value === "" ? null : Number(box.value)))
  }
  box.addEventListener("input", write)
  byId("dice").addEventListener("click", () => {
    box.value = crypto.getRandomValues(new Uint16Array(1))[0]
    write()
  })
}

function showAll({ settings, layout, model }) {
  for (const key of KNOBS) showKnob(key, valueOf(settings, key))
  byId("layout").querySelector(`[value="${layout}"]`).checked = true
  byId("mode").querySelector(`[value="${settings.mode}"]`).checked = true
  byId("model").value = model
  if (document.activeElement !== byId("stop")) byId("stop").value = showStops(settings.stop)
  if (document.activeElement !== byId("seed")) byId("seed").value = settings.seed ?? ""
  grow(byId("stop"))
}

/** The knob that somebody has in hand stays: it may hold half a number. */
function showKnob(key, value) {
  const [number, slider] = document.querySelectorAll(`[data-knob="${key}"] input`)
  if (document.activeElement === number) return
  number.value = value
  slider.value = value
  fill(slider)
  number.removeAttribute("aria-invalid")
  say(byId(`${key}-fault`), "")
}

function showModel(draft, models) {
  const model = models.find((one) => one.name === draft.spec.model)
  byId("model-detail").textContent = model ? stateWords(model) : "not in models.toml any more: choose another"
  byId("model-dot").dataset.state = model?.state ?? "failed"
  showOptions(models, model)
  showLayouts(model)
  showLacks(model?.lacks ?? {})
  showDependent(draft, models)
}

const NO_TEMPLATE = "This model has no chat template, so only the plain layout works."

function showLayouts(model) {
  for (const choice of byId("layout").querySelectorAll("input")) {
    choice.disabled = Boolean(model) && !model.layouts.includes(choice.value)
  }
  const isLimited = Boolean(model) && model.layouts.length === 1
  say(byId("layout-note"), isLimited ? (model.lacks?.layout ?? NO_TEMPLATE) : "")
}

/** Settings that the server of a remote model does not take are disabled, with the reason. */
function showLacks(lacks) {
  for (const part of document.querySelectorAll("[data-lack]")) {
    const reason = lacks[part.dataset.lack] ?? ""
    say(part, reason)
    for (const box of part.parentElement.querySelectorAll("input, button")) box.disabled = Boolean(reason)
  }
}

function showOptions(models, chosen) {
  for (const option of byId("model").options) {
    const model = models.find((one) => one.name === option.value)
    if (model) option.textContent = optionWords(model, model === chosen)
  }
}

function showDependent(draft, models) {
  const { settings, model } = draft.spec
  const greedy = settings.mode === "greedy"
  byId("mode-note").textContent = MODE_NOTES[settings.mode]
  for (const part of document.querySelectorAll("[data-sampler]")) part.disabled = greedy
  for (const reason of document.querySelectorAll("[data-reason]")) reason.hidden = !greedy
  const on = Object.keys(OFF).filter((key) => valueOf(settings, key) !== OFF[key] && !(greedy && key === "min_p"))
  byId("more-summary").textContent = on.length ? `· ${on.length} on` : ""
  const title = models.find((one) => one.name === model)?.title ?? model
  byId("settings-summary").textContent = `${title} · ${greedy ? "greedy" : `temperature ${settings.temperature}`}`
  if (byId("model-detail").dataset.model !== model) {
    byId("model-detail").dataset.model = model
    showModel(draft, models)
  }
}

/** On narrow screens the settings are one line until they are wanted. */
function foldOnPhones() {
  const narrow = matchMedia("(max-width: 999px)")
  const fold = byId("settings-fold")
  const fit = () => (fold.open = !narrow.matches)
  narrow.addEventListener("change", fit)
  fit()
}
