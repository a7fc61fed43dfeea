// Runs made from others: an answer that begins with a chosen token, and a repeat that is compared.

import { submitRun } from "../lib/submit_run.js";

/**
 * Starts a run for every "begin-with" event ({ run, at, id }; without a run it is for the prompt of `draft`).
 * Returns { repeat(run) }.
 */
export function connectBranches({ runs, url, draft, answers }) {
  const start = async (body, asked) => {
    try {
      const spec = await asked
      const run = await runs.start(submitRun(url, body), spec)
      await answers.open(run.id)
    } catch (error) {
      answers.complain(error.message)
    }
  }
  document.addEventListener("begin-with", ({ detail: { run, at, id } }) => {
    const spec = run ? runs.specOf(run) : structuredClone(draft.spec)
    start(run ? { begin: { run, at, id } } : { spec, begin: { id } }, spec)
  })
  return { repeat: (run) => start({ again_of: run }, runs.specOf(run)) }
}
