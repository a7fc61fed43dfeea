// Filters the list of experiments by title while typing.

export function connectSearch() {
  const box = document.getElementById("experiment-search")
  if (!box) return
  const rows = [...document.querySelectorAll("#experiment-list > li")]
  box.addEventListener("input", () => {
    const wanted = box.value.trim().toLowerCase()
    for (const row of rows) row.hidden = !row.dataset.title.includes(wanted)
    document.getElementById("nothing-found").hidden = rows.some((row) => !row.hidden)
  })
}
