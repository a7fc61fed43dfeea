// Who is in the room of the experiment, at its comparisons or elsewhere, and which columns of this one others are at. The board
// itself is not edited in the room.

import { Presence } from "../controllers/presence.js";
import { connectWhereabouts } from "../controllers/whereabouts.js";
import { byId, element } from "../lib/dom.js";
import { colourOf } from "../models/people.js";
import { Visit } from "../models/visit.js";

const PANEL = 40 // characters, as the server takes them
const COLUMN = "column/"

/** Returns the seat of this page. */
export function connectPresence({ board, page, socket, editor }) {
  const visit = new Visit({ socket })
  const placeOf = (at) => {
    const column = byId("column-editor").open ? editor.key : at.closest("[data-column]")?.dataset.column
    return column ? { text: `${COLUMN}${column}` } : null
  }
  const { here } = connectWhereabouts(visit, placeOf)
  const columnOf = (text) => (text.startsWith(COLUMN) ? board.column(text.slice(COLUMN.length)) : null)
  const wordsOf = (text) => (columnOf(text) ? `column ${board.letter(columnOf(text).key)}` : "")
  const tell = () => here.set({ view: { panel: `comparison ${board.title}`.slice(0, PANEL) } })
  const mark = () => markColumns([...visit.people.values()].filter(({ at, away }) => at && !away && columnOf(at.text)))
  const me = () => ({ seat: visit.seat, user: page.user, may_edit: page.may_edit, ...here.cursor })
  const presence = new Presence({ room: visit, me, wordsOf })
  presence.addEventListener("go", ({ detail }) => headOf(detail.text)?.scrollIntoView({ block: "nearest", inline: "center" }))
  visit.addEventListener("people", mark)
  for (const kind of ["change", "replace"]) board.addEventListener(kind, () => [tell, mark].forEach((act) => act()))
  tell()
  return visit
}

const headOf = (text) => document.querySelector(`#board-head [data-column="${CSS.escape(text.slice(COLUMN.length))}"]`)

/** Says at the head of a column who is at it. */
function markColumns(members) {
  for (const old of document.querySelectorAll("#board-head .others-names")) old.remove()
  for (const { user, at } of members) {
    const head = headOf(at.text)
    if (!head) continue
    if (!head.querySelector(".others-names")) head.append(element("span", { class: "others-names", "aria-hidden": "true" }))
    head.querySelector(".others-names").append(element("span", { class: "others-name", "data-colour": colourOf(user), text: user.name }))
  }
}
