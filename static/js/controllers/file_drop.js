// A file dropped anywhere on the page is meant for the import; the browser would leave the page for it.

import { byId } from "../lib/dom.js";

/** `opened(file)` gets what was dropped. */
export function connectDrop(opened) {
  const isFile = (event) => event.dataTransfer?.types.includes("Files")
  const mark = (over) => {
    for (const id of ["grid-box", "import"]) byId(id).classList.toggle("drop", over)
  }
  document.addEventListener("dragover", (event) => {
    if (!isFile(event)) return
    event.preventDefault()
    mark(true)
  })
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && mark(false))
  document.addEventListener("drop", (event) => {
    if (!isFile(event)) return
    event.preventDefault()
    mark(false)
    if (event.dataTransfer.files[0]) opened(event.dataTransfer.files[0])
  })
}
