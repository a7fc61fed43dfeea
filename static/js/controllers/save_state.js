// Says whether the draft is saved, and lets people decide when it was changed elsewhere.

import { byId } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { DraftSaver } from "../models/draft_saver.js";

const WORDS = {
  dirty: "saving…",
  saving: "saving…",
  saved: "saved",
  offline: "offline, will retry",
  conflict: "changed elsewhere",
}
const KEEPALIVE_LIMIT = 60000 // bytes; browsers refuse larger bodies on a page that goes away

/** Saves a draft, or a board, after every change; returns its saver. */
export function connectSaving(draft, page) {
  const put = (body, { leaving }) => {
    const small = new Blob([JSON.stringify(body)]).size < KEEPALIVE_LIMIT
    return requestJson("PUT", page.urls.draft, { body, keepalive: leaving && small }).catch(inWordsOfThePage)
  }
  const version = (page.comparison ?? page.experiment).draft_version
  const saver = new DraftSaver({ version, put, read: () => draft.asJson(), onState: showState })
  draft.addEventListener("change", () => saver.touch())
  byId("keep-mine")?.addEventListener("click", () => saver.keepMine())
  byId("take-theirs")?.addEventListener("click", () => draft.replace(saver.takeTheirs()))
  saveBeforeLeaving(saver)
  return saver
}

/** A right that was lost meanwhile is no fault of what was typed. */
function inWordsOfThePage(error) {
  if (error.status === 403 || error.status === 404) error.message = "You can no longer edit this experiment."
  throw error
}

function showState(state, detail) {
  byId("save-state").dataset.state = state
  byId("save-words").textContent = state === "refused" ? `not saved: ${detail}` : WORDS[state]
  byId("save-choice").hidden = state !== "conflict"
}

function saveBeforeLeaving(saver) {
  document.addEventListener("visibilitychange", () => document.hidden && saver.flush({ leaving: true }))
  window.addEventListener("pagehide", () => saver.flush({ leaving: true }))
  window.addEventListener("online", () => saver.flush())
  window.addEventListener("beforeunload", (event) => {
    if (["offline", "conflict", "refused"].includes(saver.state)) event.preventDefault()
  })
}
