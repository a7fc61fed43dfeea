// One animation frame for everything on the page that streams. First all write, then all look at the layout: eight
// answers that took turns at writing and measuring would make the browser lay the page out eight times a frame.

const HIDDEN_DELAY = 100 // ms; a hidden tab gets no frames, there a timer keeps the text up to date

let waiting = []

/** Calls `write` in the next frame, and `settle` once everybody has written; only `settle` may measure. */
export function inNextFrame(write, settle) {
  waiting.push({ write, settle })
  if (waiting.length > 1) return
  if (document.hidden) setTimeout(draw, HIDDEN_DELAY)
  else requestAnimationFrame(draw)
}

function draw() {
  const now = waiting
  waiting = []
  for (const { write } of now) write()
  for (const { settle } of now) settle()
}
