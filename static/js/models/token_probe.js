// What the model would write next, kept up to date: at the end of the prompt, or at a token of an answer. Decides when
// to ask, and says in words what it waits for. Knows nothing of the page or of the network.

const DELAY = 300 // ms after the last key
const RETRY = 3000 // ms, while the server cannot be reached

export class TokenProbe extends EventTarget {
  /**
   * `ask(body, signal)` resolves to what is shown as `found`; it throws a RequestError. Sends "change" when `found`,
   * `place`, `isAsking` or `words` have changed.
   */
  constructor({ draft, ask, clock = systemClock }) {
    super()
    Object.assign(this, { draft, ask, clock })
    this.place = null // { run, at } of a token of an answer, or null for the end of the prompt
    this.found = null
    this.words = ""
    this.isAsking = false
    this.isOpen = false
    this.models = []
    this.asked = "" // the question that `found` or `words` answers, or that is on its way
    for (const kind of ["change", "replace"]) draft.addEventListener(kind, () => this.#later(DELAY))
  }

  open(isOpen) {
    this.isOpen = isOpen
    this.#look()
  }

  showModels(models) {
    this.models = models
    this.#look()
  }

  /** Goes to token `at` of the answer of `run`. */
  goTo({ run, at }) {
    this.place = { run, at }
    this.promptThen = promptKey(this.draft.spec)
    this.#look()
  }

  backToPrompt() {
    this.place = null
    this.#look()
  }

  #later(delay) {
    this.clock.clearTimeout(this.timer)
    this.timer = this.clock.setTimeout(() => this.#look(), delay)
  }

  /** Asks if there is a question that has not been asked. */
  #look() {
    if (!this.isOpen) return this.#stop("")
    const prompt = promptKey(this.draft.spec)
    if (this.place && prompt !== this.promptThen) this.place = null // people went on writing the prompt
    const cold = this.place ? "" : coldWords(this.models.find(({ name }) => name === this.draft.spec.model))
    if (cold) return this.#stop(cold)
    const question = this.place ? JSON.stringify(this.place) : prompt
    if (question !== this.asked) this.#ask(question)
  }

  #stop(words) {
    this.request?.abort()
    this.asked = ""
    this.#tell({ found: null, words, isAsking: false })
  }

  async #ask(question) {
    this.request?.abort()
    this.request = new AbortController()
    const { signal } = this.request
    this.asked = question
    this.#tell({ isAsking: true, words: "" })
    try {
      const found = await this.ask(this.place ?? { spec: this.draft.spec }, signal)
      if (!signal.aborted) this.#tell({ found, isAsking: false })
    } catch (error) {
      if (!signal.aborted) this.#refused(error)
    }
  }

  #refused(error) {
    this.#tell({ found: null, words: error.message, isAsking: false })
    const delay = error.isOffline ? RETRY : error.retryAfter * 1000
    if (!delay) return
    this.asked = ""
    this.#later(delay)
  }

  #tell(changes) {
    Object.assign(this, changes)
    this.dispatchEvent(new Event("change"))
  }
}

/** What of a spec makes its prompt: two specs with the same key have the same one. */
export function promptKey({ settings, ...rest }) {
  return JSON.stringify(rest)
}

/** Why the model cannot be asked now, or "". */
function coldWords(model) {
  if (!model) return "This model is not in models.toml any more: choose another."
  if (model.lacks?.next_token) return model.lacks.next_token
  if (model.state === "warm") return ""
  if (model.state === "loading") return `The model is being loaded: ${model.detail}.`
  if (model.state === "failed") return `The model cannot be loaded: ${model.detail}.`
  return model.can === "load" ? "The model is not loaded. Load it, or press Run." : "The model is not loaded, and no worker is there."
}

const systemClock = {
  setTimeout: (action, delay) => setTimeout(action, delay),
  clearTimeout: (timer) => clearTimeout(timer),
}
