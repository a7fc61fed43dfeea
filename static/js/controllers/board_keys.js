// The keyboard on the board: arrows walk from cell to cell, Enter opens one, letters vote. Only the controls of the cell
// that has the keyboard are stops of the Tab key; on a large board there would be hundreds.

const VOTES = { b: "better", w: "worse", t: "tie", x: "both_bad" }
const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }

/** `acts` has open, vote(cell, choice), rate, discuss, run; each gets the element of the cell. */
export function connectKeys(table, acts) {
  let active = null
  const setStops = (cell, index) => {
    for (const button of cell?.querySelectorAll("button") ?? []) button.tabIndex = index
  }
  table.addEventListener("focusin", ({ target }) => {
    const cell = target.closest(".board-cell")
    if (cell === active) return
    setStops(active, -1)
    setStops(cell, 0)
    active = cell
  })
  table.addEventListener("keydown", (event) => {
    if (!event.target.matches(".cell-text") || event.ctrlKey || event.metaKey || event.altKey) return
    const cell = event.target.closest(".board-cell")
    if (STEPS[event.key]) return walk(event, cell, STEPS[event.key])
    const key = event.key.toLowerCase()
    const act = { enter: () => acts.open(cell), n: () => acts.rate(cell), c: () => acts.discuss(cell), r: () => acts.run(cell) }[key] ?? (VOTES[key] && (() => acts.vote(cell, VOTES[key])))
    if (!act) return
    event.preventDefault()
    act()
  })
}

/** Up and down scroll a long answer first, and leave it from its end. */
function walk(event, cell, [right, down]) {
  const box = event.target
  const room = down > 0 ? box.scrollHeight - box.clientHeight - box.scrollTop : box.scrollTop
  if (down && room > 1) return
  const row = cell.parentElement
  const cells = (one) => [...one.querySelectorAll(".board-cell")].filter((other) => other.offsetParent !== null || other === cell)
  const at = cells(row).indexOf(cell)
  const next = right ? cells(row)[at + right] : cells(neighbour(row, down) ?? row)[at]
  if (!next || next === cell) return
  event.preventDefault()
  next.querySelector(".cell-text").focus()
}

function neighbour(row, down) {
  let next = row
  do next = down > 0 ? next.nextElementSibling : next.previousElementSibling
  while (next?.hidden)
  return next
}
