// Drags rows by their handles with mouse, pen or finger. Knows only elements; `moved(id, place)` does the rest.

export function connectDragging(rows, moved) {
  rows.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest("[data-handle]")
    if (!handle || event.button !== 0) return
    event.preventDefault()
    handle.focus()
    handle.setPointerCapture(event.pointerId)
    drag(handle, rows, moved)
  })
}

const EDGE = 28 // px: nearer than this to an edge of the box, it scrolls

function drag(handle, rows, moved) {
  const row = handle.closest(".grid-row")
  const box = rows.closest(".grid-scroll")
  row.classList.add("dragged")
  const follow = (event) => {
    const { top, bottom } = box.getBoundingClientRect()
    if (event.clientY > bottom - EDGE) box.scrollTop += EDGE
    else if (event.clientY < top + 2 * EDGE) box.scrollTop -= EDGE
    const place = placeAt(rows, row, event.clientY)
    if (place !== [...rows.children].indexOf(row)) moved(row.dataset.id, place)
  }
  const drop = () => {
    row.classList.remove("dragged")
    handle.removeEventListener("pointermove", follow)
  }
  handle.addEventListener("pointermove", follow)
  handle.addEventListener("lostpointercapture", drop, { once: true })
}

/** How many other rows have their middle above `y`. */
function placeAt(rows, row, y) {
  const others = [...rows.children].filter((other) => other !== row)
  return others.filter((other) => {
    const { top, height } = other.getBoundingClientRect()
    return top + height / 2 < y
  }).length
}
