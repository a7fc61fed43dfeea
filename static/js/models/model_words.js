// A model in words: how it stands, what may be asked of it, and how soon to look again.

const MOVING = 1500 // ms between looks while a model is on its way
const UNSURE = 3000
const SETTLED = 30000
const OPTION = { absent: "not loaded", loading: "loading", failed: "failed", warm: "" }
const REMOTE_OPTION = { absent: "not connected", loading: "connecting", failed: "not reachable", warm: "" }

const shortTypes = (text) => text.replace("bfloat", "bf").replace("float", "fp")

/** The line under the chosen model; its window is in the bar of tokens. Of a remote one people learn where prompts go. */
export function stateWords({ state, detail, server }) {
  if (server) return `${{ warm: "reachable", failed: `not reachable: ${detail}` }[state] ?? (detail || state)} · prompts go to ${server}`
  return { warm: `warm · ${shortTypes(detail)}`, failed: `failed: ${detail}` }[state] ?? (detail || state)
}

/** An entry of the list of models; the chosen one has a line of its own. */
export function optionWords({ title, state, server }, isChosen) {
  const words = (server ? REMOTE_OPTION : OPTION)[state]
  return isChosen || !words ? title : `${title} (${words})`
}

/** The label of the button beside a model, or "" when nothing may be asked. */
export function wishWords({ state, can, server }) {
  if (can === "load" && state === "failed") return "Try again"
  if (server) return { load: "Connect", unload: "Disconnect" }[can] ?? ""
  if (can === "load") return "Load"
  if (can === "unload") return state === "loading" ? "Stop" : "Unload"
  return ""
}

/** Milliseconds until the models should be looked at again; `eager` when one was just asked for. */
export function nextLook(models, eager = false) {
  if (!models) return UNSURE
  if (eager || models.some(({ state }) => state === "loading")) return MOVING
  return models.every(({ state, can }) => state === "warm" || can) ? SETTLED : UNSURE
}
