// What happened lately in the experiment, by the reader's own days.

import { byId, element, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { entryWords } from "../models/activity_words.js";
import { byDay, hourOf } from "../models/run_list.js";

export class ActivityList {
  /** `open(thread)` shows a thread; a run is asked for by the bubbling event "open-run" ({ run }). */
  constructor({ url, open }) {
    Object.assign(this, { url, place: byId("activity") })
    this.place.addEventListener("click", ({ target }) => {
      const { thread, run } = target.closest("[data-open]")?.dataset ?? {}
      if (thread) open(thread)
      if (run) this.place.dispatchEvent(new CustomEvent("open-run", { bubbles: true, detail: { run } }))
    })
  }

  get hidden() {
    return this.place.closest("[hidden]") !== null
  }

  async load() {
    try {
      const { entries } = await requestJson("GET", this.url)
      this.place.replaceChildren(...byDay(entries, new Date(), ({ at }) => at).map(drawDay))
    } catch (error) {
      this.place.replaceChildren(element("p", { class: "fault", text: error.message }))
    }
  }
}

function drawDay({ label, rows }) {
  const day = element("section", { class: "activity-day" })
  const list = element("ul")
  list.append(...rows.map(drawLine))
  day.append(element("h3", { class: "label", text: label }), list)
  return day
}

function drawLine(entry) {
  const line = fromTemplate("activity-template")
  const part = (name) => line.querySelector(`[data-${name}]`)
  const { who, words, link, open } = entryWords(entry)
  part("who").textContent = who
  part("words").textContent = words
  part("time").textContent = hourOf(entry.at)
  part("time").dateTime = entry.at
  say(part("link"), link?.text)
  if (link) part("link").href = link.url
  say(part("open"), open?.text)
  if (open?.thread) part("open").dataset.thread = open.thread
  if (open?.run) part("open").dataset.run = open.run
  return line
}
