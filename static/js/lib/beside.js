const GAP = 6 // px between the two
const EDGE = 8 // px to the edge of the window

/**
 * Where a floating box of `size` goes beside `target` without covering it: below, above where there is more room,
 * and never higher than that room. All in px of the window; boxes are { left, top, bottom } like DOMRect.
 */
export function beside(target, size, view) {
  const below = view.height - target.bottom - GAP - EDGE
  const above = target.top - GAP - EDGE
  const isBelow = size.height <= below || below >= above
  const room = Math.max(0, isBelow ? below : above)
  const height = Math.min(size.height, room)
  const top = isBelow ? target.bottom + GAP : target.top - GAP - height
  const left = Math.max(EDGE, Math.min(target.left, view.width - size.width - EDGE))
  return { left, top, room }
}
