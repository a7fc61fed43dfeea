import { requestJson } from "./http.js";
import { uniqueId } from "./unique.js";

const TRIES = 3

/**
 * Submits a run and returns it. It has the same key with every try: an answer that got lost on its way must not
 * become a second run. Throws RequestError.
 */
export async function submitRun(url, body) {
  const headers = { "Idempotency-Key": uniqueId() }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await requestJson("POST", url, { body, headers })).run
    } catch (error) {
      if (!error.isOffline || attempt === TRIES) throw error
      await new Promise((go) => setTimeout(go, 400 * attempt))
    }
  }
}
