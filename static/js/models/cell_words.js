// A cell of a comparison in words.

import { isFault, isLive } from "./cells.js";
import { waitingWords } from "./run_words.js";

const seconds = (ms) => `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`
const STATES = { queued: "waiting", running: "writing", failed: "failed", expired: "expired", cancelled: "stopped" }

/** What stands under an answer, in two lines: time, and tokens. */
export function figuresLines(figures) {
  if (!figures) return ["", ""]
  const { latency_ms: latency, first_token_ms: first, completion_tokens: written, cached_tokens: cached, logprob_mean: mean } = figures
  const time = [latency ? seconds(latency) : "", first ? `first token ${seconds(first)}` : ""]
  const tokens = [
    written ? `${written.toLocaleString("en")} token${written === 1 ? "" : "s"}` : "",
    cached ? `${cached.toLocaleString("en")} reused` : "",
    mean === null || mean === undefined ? "" : `mean log p ${mean.toFixed(2).replace("-", "−")}`,
  ]
  return [time, tokens].map((line) => line.filter(Boolean).join(" · "))
}

/** The figures of a run that this page has followed to its end, as the server would tell them. */
export function figuresOf({ timing, usage, tokens }) {
  const own = tokens.filter((token) => !token.given && typeof token.lp === "number")
  const sum = own.reduce((total, token) => total + token.lp, 0)
  return {
    latency_ms: timing?.total_ms ?? null,
    first_token_ms: timing?.first_token_ms ?? null,
    completion_tokens: usage?.completion_tokens ?? tokens.length,
    cached_tokens: usage?.cached_tokens ?? 0,
    logprob_mean: own.length ? sum / own.length : null,
  }
}

/** How a cell stands, in a few words; an answer that is there needs none. */
export function stateWords(entry, stale, now) {
  if (!entry) return "not run yet"
  if (isLive(entry)) return [(entry.buffer && waitingWords(entry.buffer, now)) || STATES[entry.status], entry.by].filter(Boolean).join(" · ")
  return [STATES[entry.status], stale ? "changed since" : ""].filter(Boolean).join(" · ")
}

/** The progress of the whole board; nothing while nothing happens and nothing failed. */
export function progressWords({ live, ended, failed }) {
  const said = live ? [`${ended} of ${ended + live} answered`] : []
  return [...said, ...(failed ? [`${failed} failed`] : [])].join(" · ")
}

export const faultWords = (entry) => (isFault(entry) ? (entry.error?.message ?? "It failed.") : "")
