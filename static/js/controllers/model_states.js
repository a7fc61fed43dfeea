// Asks now and then how the models stand, more often while one is not ready.

import { requestJson } from "../lib/http.js";

const READY = 30000 // ms
const NOT_READY = 3000

export function keepModelsFresh(url, settings, runs) {
  let timer = null
  const later = (models) => {
    clearTimeout(timer)
    timer = setTimeout(look, models?.every((model) => model.state === "warm") ? READY : NOT_READY)
  }
  const look = async () => {
    if (document.hidden) return later()
    try {
      const { models } = await requestJson("GET", url)
      settings.showModels(models)
      later(models)
    } catch {
      later() // the saved state and the socket already say that the server is away
    }
  }
  runs.addEventListener("started", look)
  look()
}
