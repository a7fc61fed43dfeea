// The context window in words and shares: what lies in it, what is left, and what helps when it is too small.

const MANY = 60 // shots; more of them would be thinner than a line

export const plain = (count) => count.toLocaleString("en")

const tokens = (count) => `${plain(count)} token${count === 1 ? "" : "s"}`

/** The parts that take room, in the order of the bar: { part, name, count, index }; `index` counts shots. */
export function segmentsOf(counts) {
  const { instruction, examples, input, format, reserved } = counts
  const shots = examples.map((count, index) => ({ part: "shot", name: `Example ${index + 1}`, count, index }))
  return [
    { part: "instruction", name: "Instruction", count: instruction },
    ...(examples.length > MANY ? [{ part: "shot", name: shotsName(examples), count: sum(examples), index: 0 }] : shots),
    { part: "input", name: "Input", count: input },
    { part: "format", name: "Format", count: format },
    { part: "reserved", name: "Reserved for the answer", count: reserved },
  ].filter(({ count }) => count)
}

/** What a segment says of itself. */
export function labelOf({ name, count }, { window }) {
  return `${name}: ${tokens(count)}, ${shareWords(count / window)} of the window`
}

/** The line under the bar: { part, text } for each part, the free rest last. */
export function legendOf(counts) {
  const { instruction, examples, input, format, reserved } = counts
  return [
    ["instruction", "instruction", instruction],
    ["shot", shotsName(examples).toLowerCase(), sum(examples)],
    ["input", "input", input],
    ["format", "format", format],
    ["reserved", "reserved for the answer", reserved],
    ["free", "free", freeOf(counts)],
  ].filter(([part, , count]) => count || part === "free").map(([part, name, count]) => ({ part, text: `${name} ${plain(count)}` }))
}

/** How full the window is, in a few words. */
export const totalWords = ({ prompt, reserved, window }) => `${plain(prompt + reserved)} of ${plain(window)} tokens`

/** How many more examples fit, or "" when there is none to measure by. */
export function roomWords({ room, over }) {
  if (over || room === null || room === undefined) return ""
  if (room === 0) return "No room for another example like these."
  return `Room for ${plain(room)} more example${room === 1 ? "" : "s"} like these.`
}

/** Why the prompt cannot run, or "". */
export function overWords({ over, prompt, window, reserved, examples }) {
  if (!over) return ""
  const fault = `${tokens(over)} too many for the window of ${plain(window)}.`
  if (prompt < window) return fault
  const cut = examples.length ? "Drop examples or shorten the text." : "Shorten the text."
  return `${fault} The prompt alone has ${plain(prompt)}, and ${plain(reserved)} are reserved for the answer. ${cut}`
}

/** What one press can do about it: { act: "drop" | "reserve", text, value }. */
export function curesFor({ over, prompt, window, examples }) {
  if (!over) return []
  const fits = window - prompt
  return [
    ...(examples.length ? [{ act: "drop", text: `Drop the last example (${tokens(examples.at(-1))})` }] : []),
    ...(fits > 0 ? [{ act: "reserve", text: `Reserve ${plain(fits)} for the answer`, value: fits }] : []),
  ]
}

const freeOf = ({ window, prompt, reserved }) => Math.max(0, window - prompt - reserved)

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0)

const shotsName = ({ length }) => `${plain(length)} example${length === 1 ? "" : "s"}`

function shareWords(share) {
  const percent = share * 100
  return percent >= 10 ? `${Math.round(percent)}%` : percent >= 0.1 ? `${percent.toFixed(1)}%` : "less than 0.1%"
}
