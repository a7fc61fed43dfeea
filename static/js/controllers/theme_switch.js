// One button between light and dark, for pages without the menu; the choice is the one that the menu knows.

export function connectThemeSwitch(button) {
  const root = document.documentElement
  const show = () => (button.textContent = root.dataset.bsTheme === "dark" ? "Light" : "Dark")
  button.setAttribute("aria-description", "changes the theme")
  button.addEventListener("click", () => {
    root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark"
    localStorage.setItem("theme", root.dataset.bsTheme)
    show()
  })
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => {
    if ((localStorage.getItem("theme") || "auto") !== "auto") return
    root.dataset.bsTheme = matches ? "dark" : "light"
    show()
  })
  show()
  button.hidden = false
}
