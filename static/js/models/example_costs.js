// The tokens of every example: of placed ones the prompt tells, others are asked for once and remembered.

const AT_ONCE = 100 // examples in one question
const REMEMBERED = 5000

export class ExampleCosts {
  /** `ask(examples)` resolves to their counts, or to none where nobody knows them. */
  constructor(draft, ask) {
    Object.assign(this, { draft, ask, known: new Map() })
  }

  /** Learns from a rendered prompt: `counts` follow the examples that are placed. */
  learn(counts) {
    const { placed } = this.draft
    if (placed.length !== counts.length) return // edited meanwhile; the next prompt is on its way
    placed.forEach((example, index) => this.#remember(this.#key(example), counts[index]))
  }

  /** The count of one example, or undefined while it is not known. */
  of(example) {
    return this.known.get(this.#key(example))
  }

  /** Asks for what is not known, piece by piece; `heard()` is called after each. */
  async complete(heard) {
    const all = this.draft.spec.examples.filter((example) => this.of(example) === undefined)
    for (let start = 0; start < all.length; start += AT_ONCE) {
      const examples = structuredClone(all.slice(start, start + AT_ONCE))
      const keys = examples.map((example) => this.#key(example))
      const counts = await this.ask(examples)
      counts.forEach((count, index) => this.#remember(keys[index], count))
      heard()
    }
  }

  /** What decides the tokens of an example besides its own text. */
  #key({ values, output }) {
    const { model, layout, fields, output_name: name } = this.draft.spec
    return JSON.stringify([model, layout, name, output, ...fields.map((field) => [field, values[field] ?? ""])])
  }

  #remember(key, count) {
    this.known.delete(key)
    this.known.set(key, count)
    if (this.known.size > REMEMBERED) this.known.delete(this.known.keys().next().value)
  }
}
