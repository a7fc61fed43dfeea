// Opens and closes the rail of experiments. Remembered on wide screens; a drawer on narrow ones.

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
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "b") {
      event.preventDefault()
      flip()
    }
  })
  toggle.setAttribute("aria-expanded", String(root.dataset.rail === "open"))
}
