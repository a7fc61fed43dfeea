// Run, how many samples, the ladder, and Stop, by buttons and as commands. Knows how to submit, not how answers look.

import { byId, element, setText } from "../lib/dom.js";
import { submitRun } from "../lib/submit_run.js";
import { commands } from "../models/commands.js";
import { faultInLadder, faultInSamples, ladder, MOST_SAMPLES, rungs, samples } from "../models/run_plan.js";

export class RunControls {
  constructor({ draft, runs, url, answers }) {
    Object.assign(this, { draft, runs, url, answers, submitting: false })
    this.button = byId("run")
    this.count = byId("samples")
    this.count.append(...Array.from({ length: MOST_SAMPLES }, (_, index) => element("option", { value: index + 1, text: `×${index + 1}` })))
    this.button.addEventListener("click", () => (runs.mine.size ? runs.stop() : this.run()))
    byId("ladder").addEventListener("click", () => this.climb())
    this.#register()
    answers.addEventListener("again", ({ detail }) => this.#repeat(detail))
    runs.addEventListener("mine", () => this.#show())
    for (const kind of ["change", "replace"]) draft.addEventListener(kind, () => this.#show())
    this.#show()
  }

  /** Submits the prompt as it is on the page, as often as was chosen. */
  run() {
    const count = faultInSamples(this.draft.spec) ? 1 : Number(this.count.value)
    return this.#press(samples(structuredClone(this.draft.spec), count))
  }

  /** Submits it zero-, one- and k-shot. */
  climb() {
    const fault = faultInLadder(this.draft.spec)
    if (fault) return this.answers.complain(fault)
    return this.#press(ladder(structuredClone(this.draft.spec)))
  }

  async #press(plan) {
    if (this.submitting || this.runs.mine.size) return
    this.submitting = true
    this.button.setAttribute("aria-busy", "true")
    this.answers.complain("")
    const sent = await Promise.allSettled(plan.map(({ spec }) => this.#submit(spec)))
    const started = plan.flatMap(({ key }, index) => (sent[index].status === "fulfilled" ? [{ key, run: sent[index].value }] : []))
    if (started.length) await this.answers.begin(started)
    this.answers.complain(refusalWords(sent))
    this.submitting = false
    this.button.removeAttribute("aria-busy")
  }

  /** Makes one answer once more, with the prompt that it had. */
  async #repeat({ card, spec }) {
    this.answers.complain("")
    const sent = await Promise.allSettled([this.#submit(spec)])
    if (sent[0].value) await this.answers.add(card, sent[0].value)
    else this.answers.complain(refusalWords(sent))
  }

  /** Starts one run and returns its id. */
  async #submit(spec) {
    return (await this.runs.start(submitRun(this.url, { spec }), spec)).id
  }

  #register() {
    const group = "Run"
    const when = () => this.runs.mine.size === 0
    commands.add({ id: "run", group, title: "Run the prompt", keys: "Mod+Enter", when, run: () => this.run() })
    commands.add({ id: "again", group, title: "Make the answer once more", keys: "Mod+G", when, run: () => this.answers.again() })
    commands.add({ id: "ladder", group, title: "Ladder: zero-, one- and few-shot side by side", when, run: () => this.climb() })
    commands.add({ id: "stop", group, title: "Stop my runs", keys: "Escape", when: () => !when(), run: () => this.runs.stop() })
  }

  #show() {
    const live = this.runs.mine.size > 0
    this.button.dataset.live = String(live)
    this.button.classList.toggle("btn-primary", !live)
    const fault = faultInSamples(this.draft.spec)
    this.count.disabled = Boolean(fault)
    setText(byId("samples-note"), fault)
    byId("ladder").disabled = live
    setText(byId("ladder-rungs"), rungs(this.draft.spec).join(" · "))
  }
}

/** What was not taken, and why, as sentences. */
function refusalWords(sent) {
  const refused = sent.filter(({ status }) => status === "rejected").map(({ reason }) => reason)
  if (!refused.length) return ""
  const [{ message, retryAfter }] = refused
  const count = sent.length > 1 ? `${refused.length} of ${sent.length} runs were not taken. ` : ""
  return `${count}${message}${retryAfter ? ` Try again in ${retryAfter} s.` : ""}`
}
