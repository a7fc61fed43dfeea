// Who is here with me on the page of an experiment, where they are, and following each other.

import { Carets } from "../controllers/carets.js";
import { FollowMe } from "../controllers/follow_me.js";
import { Places } from "../controllers/places.js";
import { Presence } from "../controllers/presence.js";
import { connectWhereabouts } from "../controllers/whereabouts.js";
import { waysTo, watchView } from "../controllers/view.js";

export function connectPresence({ draft, page, room, answers }) {
  const places = new Places(room)
  const { here, look } = connectWhereabouts(room, (element) => placeOf(element, places, room))
  room.addEventListener("rights", () => here.repeat())
  draft.addEventListener("replace", look) // others wrote: the same place in the sentence is another one in the text
  const me = () => ({ seat: room.seat, user: page.user, may_edit: room.mayEdit, ...here.cursor })
  const presence = new Presence({ room, me, wordsOf: (name) => places.words(name) })
  const carets = new Carets({ room, places, draft })
  room.addEventListener("people", ({ detail }) => carets.show(detail.members.filter(({ view }) => !isElsewhere(view))))
  const follow = new FollowMe({ room, here, go: waysTo({ places, answers }) })
  const { measure } = watchView({ here, places, answers, presents: () => here.now.presents })
  presence.addEventListener("go", ({ detail }) => goTo(places.find(detail.text)))
  presence.addEventListener("follow", ({ detail }) => follow.follow(detail.seat))
  presence.addEventListener("present", () => {
    follow.present()
    measure()
    presence.draw()
  })
}

/** Somebody at a comparison is in the room, but not on this page. */
const isElsewhere = (view) => view?.panel?.startsWith("comparison ")

function goTo(element) {
  element?.scrollIntoView({ block: "center" })
  element?.focus({ preventScroll: true })
}

function placeOf(element, places, room) {
  if (!places.isEdited(element)) return null
  const text = places.nameOf(element)
  if (!text) return null
  const { selectionStart: start, selectionEnd: end, selectionDirection: direction } = element.dataset.shared ? element : {}
  if (start === undefined || room.id === null) return { text }
  const [from, to] = [start, end].map((offset) => JSON.stringify(room.document.place(text, offset)))
  const [anchor, head] = direction === "backward" ? [to, from] : [from, to]
  return { text, anchor, head }
}
