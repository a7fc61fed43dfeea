import { requestJson } from "./http.js";
import { uniqueId } from "./unique.js";

const TRIES = 3
const AGAIN = new Set(["offline", "busy"]) // nothing is known to be wrong with the request itself

/** Submits a run and returns it. Throws RequestError. */
export const submitRun = async (url, body) => (await submitOnce(url, body)).run

/**
 * Posts `body` and returns the answer. It has the same key with every try: an answer that got lost on its way must not
 * start anything a second time. Throws RequestError.
 */
export async function submitOnce(url, body) {
  const headers = { "Idempotency-Key": uniqueId() }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await requestJson("POST", url, { body, headers })
    } catch (error) {
      if (!AGAIN.has(error.code) || attempt === TRIES) throw error
      await new Promise((go) => setTimeout(go, 400 * attempt))
    }
  }
}
