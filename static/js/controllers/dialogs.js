// What every dialog does: a button closes it, and so does a press beside it. Esc is the browser's own.

export function connectDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-close]")) dialog.close()
    })
  }
}
