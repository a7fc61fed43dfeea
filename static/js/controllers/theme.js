// Light, dark or as the system has it; early.js applies the same rule before the first paint.

const system = matchMedia("(prefers-color-scheme: dark)")

export function connectTheme() {
  const choice = document.getElementById("theme")
  const wanted = localStorage.getItem("theme") || "auto"
  choice.querySelector(`[value="${wanted}"]`).checked = true
  choice.addEventListener("change", (event) => {
    localStorage.setItem("theme", event.target.value)
    apply()
  })
  system.addEventListener("change", apply)
}

function apply() {
  const wanted = localStorage.getItem("theme") || "auto"
  const dark = wanted === "auto" ? system.matches : wanted === "dark"
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light"
}
