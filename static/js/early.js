// Runs before the first paint, so that neither the theme nor the rail flashes. Not a module: modules wait.
;(function () {
  const root = document.documentElement
  const wanted = localStorage.getItem("theme") || "auto"
  const dark = wanted === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : wanted === "dark"
  root.dataset.bsTheme = dark ? "dark" : "light"
  const wide = matchMedia("(min-width: 1000px)").matches
  root.dataset.rail = wide ? localStorage.getItem("rail") || "open" : "closed"
})()
