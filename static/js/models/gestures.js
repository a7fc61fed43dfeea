// What hands can do on a page beyond its commands, for the help. `where` is a place that must be on the page.

export const GESTURES = [
  { group: "Examples", keys: "↑ ↓", words: "on the handle of a row: move it", where: "#grid" },
  { group: "Examples", keys: "Delete", words: "on the handle of a row: remove it", where: "#grid" },
  { group: "Examples", keys: "Drag", words: "the handle of a row to another place", where: "#grid" },
  { group: "Examples", keys: "Enter", words: "in a cell: go down; Shift with it breaks the line", where: "#grid" },
  { group: "Columns", keys: "← → ↑ ↓", words: "walk from answer to answer; a long one scrolls first", where: "#board" },
  { group: "Columns", keys: "Enter", words: "on an answer: open it with its tokens and receipt", where: "#board" },
  { group: "Columns", keys: "R", words: "on an answer: run its cell again", where: "#run-all" },
  { group: "Vote", keys: "B W T X", words: "on an answer: better, worse, tie, both bad", where: "#vote-blind" },
  { group: "Vote", keys: "N", words: "on an answer: rate it from 1 to 5, and comment", where: "#vote-blind" },
  { group: "Discussion", keys: "C", words: "on an answer: comment on it", where: "#board" },
  { group: "Prompt", keys: "Enter", words: "in the title or the scope: leave it", where: "#title" },
  { group: "Page", keys: "Tab", words: "walk through the page; the first stop skips to its middle", where: "main" },
  { group: "Page", keys: "Esc", words: "close a dialog or a menu", where: "main" },
]
