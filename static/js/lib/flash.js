/** Shows for a moment which thing on the page is meant. */
export function flash(target) {
  target.classList.remove("flash")
  void target.offsetWidth // begins anew
  target.classList.add("flash")
  setTimeout(() => target.classList.remove("flash"), 1600)
}
