// What the person at this page looks at: an answer, a token of it, a panel, and how far down. And the way there, for those who follow.

import { byId } from "../lib/dom.js";

const POINT = 1 / 3 // of the window's height: what stands there is looked at
const SCROLLED = 150 // ms
const DRAWN = 100 // ms between looks for a token that is not there yet
const TALL = 80 // px

/** Keeps `here` up to date. `presents()` tells whether anybody may want to know how far down the page is. */
export function watchView({ here, places, answers, presents }) {
  const view = { run: null, token: null, panel: "", top: "" }
  const set = (parts) => here.set({ view: { ...Object.assign(view, parts) } })
  document.addEventListener("token-chosen", ({ detail }) => set({ run: detail.run, token: detail.at }))
  document.addEventListener("token-left", () => view.token === null || set({ token: null }))
  document.addEventListener("focusin", ({ target }) => {
    const run = target.closest("#answers [data-run]")?.dataset.run
    if (run && run !== view.run) set({ run, token: null })
  })
  answers.addEventListener("shown", ({ detail: { runs } }) => {
    if (!runs.includes(view.run)) set({ run: runs[0] ?? null, token: null })
  })
  const look = () => set({ panel: panels().find(isOpen)?.dataset.panel ?? "" })
  for (const panel of panels()) new MutationObserver(look).observe(panel, { attributeFilter: ["open", "hidden"] })
  const measure = () => presents() && set({ top: topOf(places) })
  let timer = null
  document.addEventListener("scroll", () => (timer ??= setTimeout(() => measure((timer = null)), SCROLLED)), { capture: true, passive: true })
  return { measure }
}

/** How a follower does what the presenter did. */
export const waysTo = ({ places, answers }) => ({
  panel: (name) => showPanel(name),
  run: (run) => (run ? answers.open(run).catch(() => {}) : null),
  token: (at, { run }) => chooseToken(run, at),
  top: (name) => name && reveal(places.find(name)),
  text: (name) => name && places.find(name)?.scrollIntoView({ block: "nearest" }),
})

const panels = () => [...document.querySelectorAll("[data-panel]")]
const isOpen = (panel) => panel.open ?? !panel.hidden

function showPanel(name) {
  for (const panel of panels()) {
    const isWanted = panel.dataset.panel === name
    if (isWanted === isOpen(panel)) continue
    if (!isWanted && panel.close) panel.close()
    else document.querySelector(`[data-act="${panel.dataset.panel}"]`)?.click() // it opens, and where there is no other way closes
  }
}

function topOf(places) {
  const { left, width } = byId("main").querySelector(".prompt").getBoundingClientRect()
  const element = document.elementFromPoint(left + width / 2, window.innerHeight * POINT)
  return element && byId("main").contains(element) ? places.nameOf(element).slice(0, 120) : ""
}

/** Brings the middle of an element, or the beginning of a tall one, to where the presenter has it. */
function reveal(element) {
  if (!element) return
  const { top, height } = element.getBoundingClientRect()
  const main = byId("main")
  const scroller = main.scrollHeight > main.clientHeight ? main : document.scrollingElement // phones scroll the document
  scroller.scrollBy({ top: top + Math.min(height / 2, TALL) - window.innerHeight * POINT, behavior: "smooth" })
}

/** Chooses a token as soon as it is drawn; null lets go of it. */
function chooseToken(run, at, tries = 20) {
  const answer = [...document.querySelectorAll("#answers answer-text")].find((one) => one.run === run)
  if (at !== null && !answer?.spanAt(at)) return tries && setTimeout(() => chooseToken(run, at, tries - 1), DRAWN)
  document.dispatchEvent(new CustomEvent("choose-token", { detail: { run, at } }))
}
