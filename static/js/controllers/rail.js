// Opens and closes the rail of experiments. Remembered on wide screens; a drawer on narrow ones.

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
  // A window that becomes narrow must not be covered by the drawer.
  wide.addEventListener("change", () => set(wide.matches ? (localStorage.getItem("rail") ?? "open") : "closed"))
}
