// Light, dark or as the system has it; early.js applies the same rule before the first paint.

import { commands } from "../models/commands.js";

const CHOICES = { light: "Light theme", dark: "Dark theme", auto: "Theme of the system" }
const system = matchMedia("(prefers-color-scheme: dark)")

export function connectTheme() {
  const choice = document.getElementById("theme")
  const choose = (theme) => {
    localStorage.setItem("theme", theme)
    show()
  }
  const show = () => {
    choice.querySelector(`[value="${wanted()}"]`).checked = true
    apply()
  }
  choice.addEventListener("change", (event) => choose(event.target.value))
  for (const [theme, title] of Object.entries(CHOICES)) {
    commands.add({ id: `theme-${theme}`, group: "Theme", title, when: () => wanted() !== theme, run: () => choose(theme) })
  }
  show()
  system.addEventListener("change", apply)
}

const wanted = () => localStorage.getItem("theme") || "auto"

function apply() {
  const dark = wanted() === "auto" ? system.matches : wanted() === "dark"
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light"
}
