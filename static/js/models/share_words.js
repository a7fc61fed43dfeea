// Share links in words. No DOM.

const MODES = {
  snapshot: "People see it as it is at this moment, whatever changes later.",
  live: "People see it as it is whenever they look, with all that is added later.",
}
const NAMES = { experiment: "this experiment", version: "this version", run: "this answer", comparison: "this comparison" }

export const kindWords = (kind) => NAMES[kind]

/** What a mode means for this kind; a version never changes, so that both are the same. */
export const modeWords = (mode, kind) => (kind === "version" ? "A version does not change." : MODES[mode])

/** A link as the bold part of its line. */
export const titleWords = ({ mode, state }) => `${mode === "live" ? "Live" : "Snapshot"}${state === "open" ? "" : `, ${state}`}`

/** What else is known of a link; `show(iso)` writes a moment as this reader has it. */
export function factsWords({ made_by: by, created_at: at, views, last_viewed_at: seen, expires_at: until, passphrase, state }, show) {
  const count = views ? `${views.toLocaleString("en")} view${views === 1 ? "" : "s"}, the last ${show(seen)}` : "not looked at yet"
  const end = state === "open" ? (until ? `ends ${show(until)}` : "does not end") : ""
  return [`made ${by ? `by ${by} ` : ""}${show(at)}`, count, end, passphrase ? "with a passphrase" : ""].filter(Boolean).join(" · ")
}

/** What the server is asked for: a lifetime by name, or the end of a day at this place, as an instant. */
export function expiryOf(choice, date) {
  if (choice !== "date") return choice
  const [year, month, day] = date.split("-").map(Number)
  return new Date(year, month - 1, day + 1).toISOString()
}
