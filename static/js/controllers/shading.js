// Shading by probability: one switch for all answers of the page, on every answer's own button and on the key P.

export function connectShading(commands) {
  show(localStorage.getItem("shade") === "on")
  document.addEventListener("click", (event) => event.target.closest("[data-shade]") && toggle())
  commands.add({ id: "shade", group: "Answer", title: "Shade tokens by probability", keys: "P", run: toggle })
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
