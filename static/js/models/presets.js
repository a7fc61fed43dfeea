// Which preset the settings are, and what can be done with it.

/** What has no value in settings of an earlier version is off. */
export const OFF = { min_p: 0, repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0 }

// What greedy decoding ignores says nothing about being the same.
const SAMPLING = ["temperature", "top_k", "top_p", "min_p", "seed"]

/** The settings with what `preset` says; it may leave some of them open. */
export const applied = (preset, settings) => ({ ...OFF, ...settings, ...structuredClone(preset.settings) })

/** Whether applying `preset` would change nothing that acts. */
export function isActive(preset, settings) {
  const said = preset.settings
  const acts = Object.keys(said).filter((key) => said.mode !== "greedy" || !SAMPLING.includes(key))
  const whole = { ...OFF, ...settings }
  return acts.every((key) => JSON.stringify(whole[key]) === JSON.stringify(said[key]))
}

/**
 * The preset to show as chosen: the last one applied while it is still the same or changed from, else one that
 * the settings happen to be. { preset, changed }; preset is null when there is none.
 */
export function chosenOf(presets, settings, last) {
  const kept = presets.find((preset) => preset.name === last)
  if (kept) return { preset: kept, changed: !isActive(kept, settings) }
  // The preset that says most comes first: "Greedy" fits many settings, a team's own only its own.
  const most = [...presets].sort((a, b) => Object.keys(b.settings).length - Object.keys(a.settings).length)
  return { preset: most.find((preset) => isActive(preset, settings)) ?? null, changed: false }
}
