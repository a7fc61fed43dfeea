// What people say about an experiment, on its page: the panel, the marks on the prompt, and the ways between the two.

import { connectCommentHere } from "../controllers/comment_here.js";
import { CommentMarks } from "../controllers/comment_marks.js";
import { DiscussionPanel } from "../controllers/discussion_panel.js";
import { boxOf } from "../controllers/text_places.js";
import { byId } from "../lib/dom.js";
import { flash } from "../lib/flash.js";
import { aboutWords, placeOf, textsOf } from "../models/anchors.js";
import { Discussion } from "../models/discussion.js";

const ALL = { kind: "experiment" }

/** `openRun(id)` shows an answer. Returns the panel. */
export function connectDiscussion({ draft, page, openRun }) {
  const discussion = new Discussion(page.user)
  const rights = { user: page.user, edit: page.may_edit, manage: page.may_manage }
  let texts = null // of the draft as it is now
  const now = () => (texts ??= textsOf(draft))
  const place = (about) => ({
    words: aboutWords(about, { texts: now(), examples: draft.spec.examples }),
    note: noteOf(about, draft, now),
    url: about.in && about.kind !== "text" ? about.in.url : null,
  })
  const write = (about) => panel.write(about)
  const here = connectCommentHere({ draft, write })
  const panel = new DiscussionPanel({ discussion, urls: page.urls, rights, all: ALL, place, go: (about) => goTo(about, draft, openRun), here })
  new CommentMarks({ draft, discussion, open: (thread) => panel.showThread(thread), write })
  const follow = () => {
    texts = null
    panel.placesSoon()
  }
  for (const name of ["change", "replace"]) draft.addEventListener(name, follow)
  byId("activity").addEventListener("open-run", ({ detail }) => openRun(detail.run))
  panel.start()
  return panel
}

/** What somebody has to know who reads an old comment. */
function noteOf(about, draft, texts) {
  if (about.kind === "run" && (!about.run || about.answer?.deleted)) return "The answer was deleted since."
  if (about.kind === "example" && !draft.example(about.example)) return "The example was deleted since."
  if (about.kind !== "text") return ""
  return placeOf(about, texts())?.isSame ? "" : "The words have changed since."
}

function goTo(about, draft, openRun) {
  if (about.kind === "run" && about.run) return openRun(about.run)
  if (about.kind === "example") return show(document.querySelector(`#grid-rows [data-id="${CSS.escape(about.example)}"]`), "[data-handle]")
  const at = about.kind === "text" ? placeOf(about, textsOf(draft)) : null
  const box = at ? boxOf(at.path, draft) : byId("title")
  if (at) box?.setSelectionRange(at.start, at.end)
  show(box)
}

function show(target, inner = null) {
  if (!target) return
  target.scrollIntoView({ block: "center" })
  const focused = inner ? target.querySelector(inner) : target
  focused.focus({ preventScroll: true })
  flash(target)
}
