// Answers of one row scroll together, each as far as its own length allows.

export function connectRowScroll(body) {
  const moved = new WeakMap() // box -> where we have put it; its own event is no wish of the reader
  body.addEventListener(
    "scroll",
    ({ target: box }) => {
      if (!box.matches?.(".cell-text") || Math.abs((moved.get(box) ?? -1) - box.scrollTop) < 1) return moved.delete(box)
      const share = box.scrollTop / Math.max(1, box.scrollHeight - box.clientHeight)
      for (const other of box.closest("tr").querySelectorAll(".cell-text")) {
        if (other === box) continue
        const top = Math.round(share * (other.scrollHeight - other.clientHeight))
        if (top === Math.round(other.scrollTop)) continue
        moved.set(other, top)
        other.scrollTop = top
      }
    },
    { capture: true, passive: true },
  )
}
