// Forks the experiment: what is typed here goes to the server first, since the server forks what it has stored.

import { onAct } from "../lib/acts.js";
import { byId } from "../lib/dom.js";
import { commands } from "../models/commands.js";

export function connectFork(draft, room) {
  const dialog = byId("fork")
  const open = () => {
    byId("fork-title").textContent = draft.title
    dialog.showModal()
  }
  onAct("fork", open)
  commands.add({ id: "fork", group: "Experiment", title: "Fork this experiment", run: open })
  byId("fork-form").addEventListener("submit", async (event) => {
    event.preventDefault()
    await room.settled()
    event.target.submit()
  })
}
