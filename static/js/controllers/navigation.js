// Ways to other pages as commands, and the experiments of the team for the palette.

import { requestJson } from "../lib/http.js";
import { commands } from "../models/commands.js";

const GROUP = "Go to"
const newForm = () => document.querySelector('form[action="/experiments/new"]')
const go = (url) => location.assign(url)

export function connectNavigation() {
  const url = document.getElementById("palette").dataset.search
  if (!url) return // nobody is signed in
  commands.add({ id: "experiments", group: GROUP, title: "All experiments", run: () => go("/experiments/") })
  commands.add({ id: "starred", group: GROUP, title: "Starred experiments", run: () => go("/experiments/?starred=1") })
  commands.add({ id: "starters", group: GROUP, title: "Starters", run: () => go("/experiments/#starters") })
  commands.add({ id: "new", group: GROUP, title: "New experiment", when: () => newForm() !== null, run: () => newForm().requestSubmit() })
  commands.provide(() => [...document.querySelectorAll("#team-menu a")].map(teamEntry))
  commands.provide(async (query) => {
    const { experiments, texts } = await requestJson("GET", `${url}?q=${encodeURIComponent(query.trim())}`)
    const others = experiments.filter((one) => one.url !== location.pathname)
    const inside = texts.map(({ title, snippet, url: place }) => ({ title: `${snippet.map(({ text }) => text).join("")} · ${title}`, group: "Found in text", run: () => go(place) }))
    return [...others.map((one) => ({ title: one.title, group: "Experiment", run: () => go(one.url) })), ...inside]
  })
}

/** What the menu of teams offers, for people who type. */
function teamEntry(link) {
  const words = (link.querySelector(".team-line-name, .visually-hidden") ?? link).textContent.trim()
  return { title: words, group: "Team", run: () => go(link.href) }
}
