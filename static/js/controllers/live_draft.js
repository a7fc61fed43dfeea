// Connects the draft of the experiment page with its room: says whether it is saved, undoes one's own steps, and keeps
// what is unsaved when the page goes away.

import { byId } from "../lib/dom.js";
import { UnsavedMemory } from "../lib/unsaved_memory.js";
import { commands } from "../models/commands.js";
import { Room } from "../models/room.js";
import { sharedText } from "./boxes.js";

const WORDS = {
  saving: "saving…",
  waiting: "not saved yet: the server does not answer",
  saved: "saved",
  reading: "view only",
  offline: "offline: what you write is kept here and goes out when the connection is back",
}

export function connectRoom({ draft, page, socket }) {
  const memory = new UnsavedMemory(page.experiment.id)
  const room = new Room({ draft, socket, memory, mayEdit: page.may_edit, caret })
  room.addEventListener("state", ({ detail }) => showState(room.mayEdit ? detail : { state: "reading" }))
  connectUndo(room)
  keepWhatIsUnsaved(room)
  // A character that is being composed must not change under the hands.
  document.addEventListener("compositionstart", () => room.hold())
  document.addEventListener("compositionend", () => room.release())
  return room
}

function caret() {
  const box = document.activeElement
  const text = sharedText(box)
  return text && { ...text, at: box.selectionEnd }
}

function showState({ state, words }) {
  byId("save-state").dataset.state = state
  byId("save-words").textContent = state === "refused" ? `not saved: ${words}` : WORDS[state]
}

/** The browser's own undo knows nothing of what others wrote into the same box. */
function connectUndo(room) {
  document.addEventListener("beforeinput", (event) => {
    if (!event.target.matches("[data-shared]")) return
    if (event.inputType === "historyUndo") act(event, () => room.undo())
    if (event.inputType === "historyRedo") act(event, () => room.redo())
  })
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || !(event.ctrlKey || event.metaKey) || event.altKey || !event.target.matches("[data-shared]")) return
    const key = event.key.toLowerCase()
    if (key === "z" && !event.shiftKey) act(event, () => room.undo())
    if ((key === "z" && event.shiftKey) || key === "y") act(event, () => room.redo())
  })
  document.addEventListener("focusin", () => room.endStep())
  commands.add({ id: "undo", group: "Prompt", title: "Undo my last change of the prompt", run: () => room.undo() })
  commands.add({ id: "redo", group: "Prompt", title: "Redo it", run: () => room.redo() })
}

function act(event, work) {
  event.preventDefault()
  work()
}

function keepWhatIsUnsaved(room) {
  document.addEventListener("visibilitychange", () => document.hidden && room.flush())
  window.addEventListener("pagehide", () => room.flush())
  window.addEventListener("beforeunload", (event) => {
    room.flush()
    if (!room.isKeptHere && !room.isSafe) event.preventDefault()
  })
}

