// Opens and closes the rail of experiments. Remembered on wide screens; a drawer on narrow ones.

import { byId } from "../lib/dom.js";
import { fetchFragment } from "../lib/fragment.js";
import { commands } from "../models/commands.js";

const wide = matchMedia("(min-width: 1000px)")
const root = document.documentElement

export function connectRail() {
  const toggle = document.getElementById("rail-toggle")
  const rail = document.getElementById("rail")
  if (!toggle || !rail) return
  const set = (state) => {
    root.dataset.rail = state
    toggle.setAttribute("aria-expanded", String(state === "open"))
    if (wide.matches) localStorage.setItem("rail", state)
  }
  const flip = () => set(root.dataset.rail === "open" ? "closed" : "open")
  toggle.addEventListener("click", flip)
  document.getElementById("scrim").addEventListener("click", () => set("closed"))
  commands.add({ id: "rail", title: "Show or hide the experiments", keys: "Mod+B", run: flip })
  toggle.setAttribute("aria-expanded", String(root.dataset.rail === "open"))
  document.addEventListener("starred", sortAgain)
  // A window that becomes narrow must not be covered by the drawer.
  wide.addEventListener("change", () => set(wide.matches ? (localStorage.getItem("rail") ?? "open") : "closed"))
}

let asked = new AbortController()

/** Asks the server under which headings the experiments stand now. Entries that are here stay, with the title as it is being written. */
async function sortAgain() {
  asked.abort()
  asked = new AbortController()
  const page = await fetchFragment(location.pathname, asked.signal)
  const ages = page.map((node) => node.querySelector?.("#rail-ages")).find(Boolean)
  if (!ages) return
  const here = new Map([...document.querySelectorAll("#rail-ages a")].map((link) => [link.pathname, link]))
  for (const link of ages.querySelectorAll("a")) {
    const same = here.get(link.getAttribute("href"))
    if (same) link.replaceWith(same)
  }
  byId("rail-ages").replaceChildren(...ages.children)
}
