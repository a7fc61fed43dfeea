// Shading by probability: one switch for all answers of the page, on every answer's own button and on the key P.

const KEY = "p"

export function connectShading() {
  show(localStorage.getItem("shade") === "on")
  document.addEventListener("click", (event) => event.target.closest("[data-shade]") && toggle())
  document.addEventListener("keydown", (event) => {
    const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.repeat || event.isComposing)
    if (event.key.toLowerCase() === KEY && isPlain && !isField(event.target)) toggle()
  })
}

const isOn = () => "shaded" in document.documentElement.dataset

function toggle() {
  localStorage.setItem("shade", isOn() ? "off" : "on")
  show(!isOn())
}

function show(on) {
  document.documentElement.toggleAttribute("data-shaded", on)
  for (const button of document.querySelectorAll("[data-shade]")) button.setAttribute("aria-pressed", String(on))
}

function isField(target) {
  return target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=range], [type=button])")
}
