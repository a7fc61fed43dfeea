// What hands can do on a page beyond its commands, for the help. `where` is a place that must be on the page.

export const GESTURES = [
  { group: "Examples", keys: "↑ ↓", words: "on the handle of a row: move it", where: "#grid" },
  { group: "Examples", keys: "Delete", words: "on the handle of a row: remove it", where: "#grid" },
  { group: "Examples", keys: "Drag", words: "the handle of a row to another place", where: "#grid" },
  { group: "Examples", keys: "Enter", words: "in a cell: go down; Shift with it breaks the line", where: "#grid" },
  { group: "Prompt", keys: "Enter", words: "in the title or the scope: leave it", where: "#title" },
  { group: "Page", keys: "Tab", words: "walk through the page; the first stop skips to its middle", where: "main" },
  { group: "Page", keys: "Esc", words: "close a dialog or a menu", where: "main" },
]
