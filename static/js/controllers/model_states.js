// Asks now and then how the models stand, more often while one is on its way.

import { requestJson } from "../lib/http.js";
import { nextLook } from "../models/model_words.js";

const EAGER = 10000 // ms after a wish or a run in which a model may begin to move
const SOON = 700

/** Calls `show(models)` after every look; returns a function that makes the next looks come soon. */
export function keepModelsFresh(url, show, runs) {
  let timer = null
  let eagerUntil = 0
  const later = (models) => {
    clearTimeout(timer)
    timer = setTimeout(look, nextLook(models, Date.now() < eagerUntil))
  }
  const look = async () => {
    if (document.hidden || !navigator.onLine) return later()
    try {
      const { models } = await requestJson("GET", url)
      show(models)
      later(models)
    } catch {
      later() // the saved state and the socket already say that the server is away
    }
  }
  const soon = () => {
    eagerUntil = Date.now() + EAGER
    clearTimeout(timer)
    timer = setTimeout(look, SOON)
  }
  runs.addEventListener("mine", soon)
  runs.addEventListener("started", look)
  look()
  return soon
}
