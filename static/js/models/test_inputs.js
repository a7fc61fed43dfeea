// The test inputs of an experiment: a ring that people walk through. What they typed joins it, so nothing is lost.

export class TestInputs {
  constructor(draft, most) {
    Object.assign(this, { draft, most })
  }

  get count() {
    return this.draft.inputs.length
  }

  /** The place of the current input in the ring, or -1. */
  get place() {
    return this.draft.inputs.findIndex((input) => this.#isCurrent(input))
  }

  get isBlank() {
    return this.#fields.every((field) => !(this.draft.spec.input[field] ?? "").trim())
  }

  /** Whether there is another input to go to. */
  get hasOther() {
    return this.count > (this.place < 0 ? 0 : 1)
  }

  keep() {
    this.draft.change(() => this.#keep())
  }

  forget() {
    const { place } = this
    this.draft.change((draft) => draft.inputs.splice(place, 1))
  }

  /** Puts the next input of the ring into the prompt. */
  next() {
    const from = this.place
    this.draft.change((draft) => {
      const chosen = draft.inputs[(from + 1) % draft.inputs.length]
      if (from < 0 && !this.isBlank) this.#keep()
      draft.spec.input = { ...chosen }
    })
  }

  /** At the end of the ring; over the limit the oldest leaves. */
  #keep() {
    const { inputs, spec } = this.draft
    inputs.push({ ...spec.input })
    if (inputs.length > this.most) inputs.shift()
  }

  #isCurrent(input) {
    return this.#fields.every((field) => (input[field] ?? "") === (this.draft.spec.input[field] ?? ""))
  }

  get #fields() {
    return this.draft.spec.fields
  }
}
