// What one press starts: one run, several samples of one prompt, or a ladder of shots. A plan is a list of
// { key, spec }; the key says on which card the answer belongs when the same is pressed again.

export const MOST_SAMPLES = 8
const SEEDS = 2 ** 32

/** How many examples a spec places in its prompt: the first `shots` of those that are on. */
export function placedCount({ examples, shots }) {
  const on = examples.filter((example) => example.on).length
  return Math.min(on, shots ?? on)
}

/** The field's name for a prompt with this many worked examples. */
export const shotName = (count) => ["zero-shot", "one-shot"][count] ?? `${count}-shot`

/** `count` runs of one prompt; a seed that was chosen counts up, so that the samples differ and can be repeated. */
export function samples(spec, count = 1) {
  if (count === 1) return [{ key: "run", spec }]
  const { seed } = spec.settings
  return Array.from({ length: count }, (_, index) => {
    const own = seed === null || seed === undefined ? null : (seed + index) % SEEDS
    return { key: `sample ${index + 1} of ${count}`, spec: { ...spec, settings: { ...spec.settings, seed: own } } }
  })
}

/** Why several samples make no sense, or "". */
export const faultInSamples = ({ settings }) => (settings.mode === "greedy" ? "greedy repeats itself" : "")

/** The numbers of shots on the ladder of a prompt. */
export function rungs(spec) {
  const top = placedCount(spec)
  return [...new Set([0, 1, top])].filter((shots) => shots <= top)
}

/** The prompt with no example, with its first one, and as it is. */
export function ladder(spec) {
  const names = ["bottom", "middle", "top"]
  return rungs(spec).map((shots, index) => ({ key: `ladder ${names[index]}`, spec: { ...spec, shots } }))
}

/** Why there is nothing to climb, as a sentence, or "". */
export function faultInLadder(spec) {
  return placedCount(spec) ? "" : "A ladder needs an example that is placed in the prompt. Add one, or switch one on."
}
