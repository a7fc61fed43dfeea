// A run in words: how it stands, how fast it went, why it ended.

const REASONS = {
  stop: "ended by itself",
  server_stop: "ended by itself or at a stop string",
  length: "reached max new tokens",
  stop_string: "met a stop string",
  cancelled: "stopped",
}
const STATUS = { queued: "waiting", running: "streaming", succeeded: "done", failed: "failed", cancelled: "stopped", expired: "expired" }

const SILENCE = 4000 // ms without a frame of a running run before people are told

const seconds = (ms) => `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`

/** The line under an answer. `now` is on the clock of the buffer's `firstDeltaAt`. */
export function factsOf(buffer, now) {
  const facts = [STATUS[buffer.status], tokenCount(buffer), ...(buffer.isLive ? liveSpeed(buffer, now) : finalSpeed(buffer))]
  return facts.filter(Boolean).join(" · ")
}

function tokenCount({ usage, tokens, isLive }) {
  const given = usage?.given_tokens ?? tokens.filter((token) => token.given).length
  const count = isLive ? tokens.length - given : (usage?.completion_tokens ?? tokens.length)
  const words = count ? `${count.toLocaleString("en")} token${count === 1 ? "" : "s"}` : ""
  return given && words ? `${words} after ${given.toLocaleString("en")} given` : words
}

function liveSpeed({ tokens, tokensBefore, firstDeltaAt, status }, now) {
  if (status !== "running" || firstDeltaAt === null || now - firstDeltaAt < 500) return []
  return [`${(((tokens.length - tokensBefore) / (now - firstDeltaAt)) * 1000).toFixed(1)} tok/s`]
}

function finalSpeed({ timing, usage, finishReason, status }) {
  const { tokens_per_second: speed, first_token_ms: first, total_ms: total } = timing ?? {}
  return [
    speed ? `${speed.toFixed(1)} tok/s` : "",
    first ? `first token ${seconds(first)}` : "",
    total ? `total ${seconds(total)}` : "",
    usage?.cached_tokens ? `${usage.cached_tokens.toLocaleString("en")} prompt tokens reused` : "",
    status === "succeeded" ? REASONS[finishReason] : "",
  ]
}

/** What a run says while nothing comes: its place in the queue, or what it waits for. */
export function waitingWords(buffer, now) {
  const { status, queue, tokens, stopping, isLive, heardAt } = buffer
  if (stopping && isLive) return "stopping"
  const silence = heardAt === null ? 0 : now - heardAt
  if (status === "running" && silence > SILENCE) return `no new token for ${Math.round(silence / 1000)} s`
  if (status === "running") return tokens.length ? "" : "reading the prompt"
  if (status !== "queued") return ""
  if (!queue) return "waiting for a worker"
  if (queue.note) return queue.note
  const place = queue.ahead ? `${queue.ahead} ahead` : "next in line"
  return queue.etaSeconds ? `${place} · about ${Math.max(1, Math.round(queue.etaSeconds))} s` : place
}

/** The line beside Run: how my runs stand together. */
export function groupWords(buffers, now) {
  const live = buffers.filter((buffer) => buffer.isLive)
  if (live.length < 2) return live.map((buffer) => waitingWords(buffer, now)).join("")
  const waiting = live.filter(({ status }) => status === "queued")
  const counts = [[live.length - waiting.length, "streaming"], [waiting.length, "waiting"]]
  const words = counts.filter(([count]) => count).map(([count, name]) => `${count} ${name}`)
  return [...words, ...waiting.slice(0, 1).map((buffer) => waitingWords(buffer, now))].join(" · ")
}

/** That some people have started runs. */
export function startedWords(names) {
  if (!names.length) return ""
  const [first, ...rest] = names
  const who = rest.length < 2 ? names.join(" and ") : `${first} and ${rest.length} others`
  return `${who} started ${names.length === 1 ? "a run" : "runs"}`
}

/** What is said under an answer that somebody stopped; faults have sentences of their own. */
export function stoppedWords({ status, text }) {
  if (status !== "cancelled") return ""
  return text ? "Stopped; what was written is kept." : "Stopped before the first token."
}

/** How a run was decoded, by which model, and its version; first what tells samples of one prompt apart. */
export function askedWords({ settings, model, version }) {
  if (!settings) return model ?? ""
  const { mode, temperature, seed } = settings
  const sampled = [Number.isInteger(seed) && `seed ${seed}`, `temperature ${temperature}`].filter(Boolean).join(" · ")
  const decoding = mode === "greedy" ? "greedy" : sampled
  return [decoding, model, version && `v${version}`].filter(Boolean).join(" · ")
}
