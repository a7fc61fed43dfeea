// Controls of the experiment page that the palette can press, by their selector.

export const PRESSES = [
  { id: "exact-prompt", group: "Prompt", title: "Show or hide the exact prompt", press: "#exact-toggle" },
  { id: "add-example", group: "Prompt", title: "Add an example", press: "#add-example" },
  { id: "copy-answer", group: "Answer", title: "Copy the answer", press: ".answer-card [data-copy]" },
  { id: "greedy", group: "Settings", title: "Greedy decoding", press: '[name="mode"][value="greedy"]' },
  { id: "sample", group: "Settings", title: "Sample", press: '[name="mode"][value="sample"]' },
  { id: "chat", group: "Settings", title: "Chat layout", press: '[name="layout"][value="chat"]' },
  { id: "plain", group: "Settings", title: "Plain layout", press: '[name="layout"][value="plain"]' },
  { id: "star", group: "Experiment", title: "Star this experiment, or take the star away", press: ".title-row [data-star]" },
]
