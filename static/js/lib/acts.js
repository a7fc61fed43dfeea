// Acts of the experiment: each may stand in the top bar and, for narrow screens, in the menu beside it.

/** Calls `run` when somebody presses an act with this name; the menu it may have stood in closes. */
export function onAct(name, run) {
  for (const button of document.querySelectorAll(`[data-act="${name}"]`)) {
    button.addEventListener("click", () => {
      button.closest("[popover]")?.hidePopover()
      run(button)
    })
  }
}
