// The answers of a shared page: text, figures and playback of each, made when it is first looked at.

import { factsOf } from "../models/run_words.js";
import { LIVE, TokenBuffer } from "../models/token_buffer.js";
import "../elements/answer_text.js";
import { Player } from "./player.js";
import { TokenInspector } from "./token_inspector.js";

/** `runs` are those of the document, in the order of their places on the page. */
export function connectRuns(runs) {
  for (const place of document.querySelectorAll("[data-run]")) {
    const mount = () => mountRun(place, runs[Number(place.dataset.run) - 1])
    const fold = place.closest(".shared-fold")
    if (!fold || fold.open) mount()
    else fold.addEventListener("toggle", mount, { once: true })
  }
  openTarget()
  window.addEventListener("hashchange", openTarget)
}

function mountRun(place, run) {
  const buffer = new TokenBuffer(place.dataset.run, run.status)
  buffer.load(run)
  const answer = place.querySelector("answer-text")
  answer.run = place.dataset.run
  answer.streaming = LIVE.has(run.status)
  new TokenInspector(place, undefined, { branches: false })
  answer.replace(buffer.tokens)
  place.querySelector("[data-facts]").textContent = factsOf(buffer, 0)
  if (run.tokens?.length) new Player(place.querySelector(".shared-answer"), run.tokens, run.span_ms)
}

/** An address may name an answer, as those of a comparison's cells do. */
function openTarget() {
  const target = document.getElementById(location.hash.slice(1))
  if (!target?.matches(".shared-fold")) return
  target.open = true
  target.scrollIntoView({ block: "start" })
}
