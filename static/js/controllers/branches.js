// Runs made from others: an answer that begins with a chosen token, and a repeat that is compared.

import { submitRun } from "../lib/submit_run.js";

/**
 * Starts a run for every "begin-with" event ({ run, at, id }; without a run it is for the prompt of `draft`).
 * Returns { repeat(run) }.
 */
export function connectBranches({ runs, url, draft, answer }) {
  const start = async (body) => {
    try {
      runs.begin(await submitRun(url, body))
      answer.reveal()
    } catch (error) {
      answer.complain(error.message)
    }
  }
  document.addEventListener("begin-with", ({ detail: { run, at, id } }) => {
    start(run ? { begin: { run, at, id } } : { spec: structuredClone(draft.spec), begin: { id } })
  })
  return { repeat: (run) => start({ again_of: run }) }
}
