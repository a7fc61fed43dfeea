// What happened lately, in words. Knows no page.

const answers = (count) => (count === 1 ? "an answer" : `${count.toLocaleString("en")} answers`)

const WORDS = {
  commented: () => "commented",
  replied: () => "replied",
  resolved: () => "resolved a thread",
  ran: ({ count, comparison }) => (comparison ? `asked for ${answers(count)} in` : `asked for ${answers(count)}`),
  saved: ({ number }) => `saved v${number}`,
  compared: () => "made the comparison",
  made: () => "made the experiment",
  edited: () => "changed the prompt, the last time so far",
}

/** { who, words, link, open } of an entry: `link` leads to a comparison, `open` to a thread, a run or the versions. */
export function entryWords(entry) {
  const { kind, user, thread, run, comparison, title = "", words = "" } = entry
  const told = { who: user.name, words: WORDS[kind]?.(entry) ?? kind }
  if (comparison) return { ...told, link: { url: `/comparisons/${comparison}/`, text: title } }
  if (thread) return { ...told, open: { thread, text: words || "the thread" } }
  if (run) return { ...told, open: { run, text: "show" } }
  return kind === "saved" && title ? { ...told, words: `${told.words}, “${title}”` } : told
}
