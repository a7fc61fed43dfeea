// Text boxes as high as their text. Browsers that know `field-sizing: content` need no help.

const native = CSS.supports("field-sizing", "content")

/** Fits one box to its text now. */
export function grow(area) {
  if (native) return
  area.style.height = "auto"
  area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`
}

if (!native) document.addEventListener("input", (event) => event.target.matches("textarea") && grow(event.target))
