// The people in a room, made of the seats in it: several pages of one person are one. Knows no page.

import { grouped } from "../lib/grouped.js";

const COLOURS = 8 // in static/css/presence.css

/** The colour of a person, from 1 on: the same on every page and on every day. */
export const colourOf = ({ id }) => (id % COLOURS) + 1

/** Two letters for a face: of the first and the last word, or of the only one. */
export function initialsOf(name) {
  const words = name.split(/[\s._@-]+/u).filter(Boolean)
  const letters = words.length > 1 ? [first(words[0]), first(words.at(-1))] : [...(words[0] ?? "?")].slice(0, 2)
  return letters.join("").toUpperCase()
}

const first = (word) => [...word][0]

/**
 * Persons out of `members`; this page's own is `me`. The newest page that is not away speaks for a person:
 * { id, name, isMe, mayEdit, pages, away, since, text, view, presents, follows, seats }, me first, then by name.
 */
export function peopleOf(members, me) {
  const byId = grouped([me, ...members], ({ user }) => user.id)
  const people = [...byId.values()].map((pages) => personOf(pages, pages[0].user.id === me.user.id))
  return people.sort((one, other) => other.isMe - one.isMe || one.name.localeCompare(other.name))
}

function personOf(pages, isMe) {
  const awake = pages.filter(({ away }) => !away)
  const shown = isMe ? pages[0] : (awake.find(({ at }) => at) ?? awake[0] ?? pages[0])
  return {
    ...shown.user,
    isMe,
    mayEdit: shown.may_edit,
    pages: pages.length,
    away: awake.length === 0,
    since: Math.max(...pages.map(({ since }) => since ?? 0)),
    text: shown.at?.text ?? "",
    view: shown.view ?? {},
    presents: pages.find(({ presents }) => presents)?.seat ?? null,
    follows: pages.flatMap(({ follows }) => follows ?? []),
    seats: pages.map(({ seat }) => seat),
  }
}

/** What a person does, in words; `placeWords` are those of the box they are in, or "". */
export function doingWords({ mayEdit, away, since, view, pages, isMe }, placeWords) {
  const doing = away ? awayWords(since) : placeWords ? `in ${placeWords}` : viewWords(view)
  const tabs = pages > 1 ? `${pages} tabs` : ""
  return [mayEdit ? "" : "viewing", isMe && !placeWords && !view.panel ? "" : doing, tabs].filter(Boolean).join(" · ")
}

const awayWords = (since) => (since ? `away since ${new Date(since * 1000).toLocaleTimeString([], { timeStyle: "short" })}` : "away")

/** Panels of the experiment's page have names of acts. */
const PANELS = { versions: "the versions", compare: "the comparisons", discussion: "the discussion" }

function viewWords({ panel, run }) {
  if (panel) return `at ${PANELS[panel] ?? panel}`
  return run ? "at an answer" : ""
}
