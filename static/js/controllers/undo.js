// The way back from a deletion. The server puts it on the next page too, for as long as it offers it.

import { byId, fromTemplate } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";

const OFFERED = 60 // s; as in playground/views/deletions.py

/** Shows `words` with an Undo button that asks `url`; calls `onBack` when it is done, `onFault` with words. */
export function offerUndo({ words, url }, { onBack, onFault }) {
  const toast = fromTemplate("undo-template")
  toast.querySelector("[data-words]").textContent = words
  toast.action = url
  toast.addEventListener("submit", async (event) => {
    event.preventDefault()
    toast.remove()
    try {
      await requestJson("POST", url)
      onBack()
    } catch (error) {
      onFault(error.message)
    }
  })
  byId("undo-place").replaceChildren(toast)
  leave(toast, OFFERED)
}

export function connectUndo() {
  const place = byId("undo-place")
  const toast = place?.querySelector("[data-undo]")
  if (toast) leave(toast, Number(toast.dataset.left))
  place?.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) event.target.closest("[data-undo]").remove()
  })
}

function leave(toast, seconds) {
  setTimeout(() => toast.remove(), seconds * 1000)
}
