// The list of earlier runs. The server draws it; htmx fetches it again when a run begins or ends.

import { byId } from "../lib/dom.js";

export function connectHistory(runs, answers) {
  const place = byId("history")
  let shown = []
  const mark = () => {
    for (const time of place.querySelectorAll("time")) time.textContent = localTime(time.dateTime)
    for (const item of place.querySelectorAll("[data-run]")) {
      if (shown.includes(item.dataset.run)) item.setAttribute("aria-current", "true")
      else item.removeAttribute("aria-current")
    }
  }
  place.addEventListener("click", async (event) => {
    const item = event.target.closest("[data-run]")
    if (!item) return
    try {
      await answers.open(item.dataset.run)
    } catch (error) {
      answers.complain(error.message)
    }
  })
  answers.addEventListener("shown", ({ detail }) => {
    shown = detail.runs
    mark()
  })
  const changed = () => document.body.dispatchEvent(new Event("runs-changed"))
  for (const name of ["mine", "started", "ended"]) runs.addEventListener(name, changed)
  new MutationObserver(mark).observe(place, { childList: true })
  mark()
}

/** The server writes hours in its own time zone; readers have theirs. */
function localTime(text) {
  return new Date(text).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
}
