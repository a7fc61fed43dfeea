// A star on an experiment: the button turns at once, and back if the server did not take it.

import { byId, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";

export function connectStars() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-star]")
    if (button && !button.ariaBusy) turn(button)
  })
}

async function turn(button) {
  const starred = button.getAttribute("aria-pressed") !== "true"
  const show = (on) => button.setAttribute("aria-pressed", String(on))
  show(starred)
  button.ariaBusy = "true"
  try {
    await requestJson(starred ? "PUT" : "DELETE", button.dataset.star)
    say(byId("star-fault"), "")
    button.dispatchEvent(new Event("starred", { bubbles: true }))
  } catch (error) {
    show(!starred)
    say(byId("star-fault"), error.message)
  } finally {
    button.ariaBusy = null
  }
}
