// Copies the pinned browser libraries into static/vendor, so that nobody who runs Fewshot needs Node.
// Run `npm ci --ignore-scripts && npm run vendor` here after a version in package.json changes, and commit the result.

import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

import { build } from "esbuild"

const HERE = dirname(fileURLToPath(import.meta.url))
const MODULES = join(HERE, "node_modules")
const TARGET = join(HERE, "..", "static", "vendor")

const FILES = {
  "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
  "htmx.min.js": "htmx.org/dist/htmx.min.js",
  "diff/array.js": "diff/libesm/diff/array.js",
  "diff/base.js": "diff/libesm/diff/base.js",
  "papaparse.min.js": "papaparse/papaparse.min.js",
  "diff3.js": "node-diff3/dist/diff3.mjs",
}
const LICENCES = {
  "tabler.LICENSE.txt": join(HERE, "licences", "tabler.txt"), // the package carries no licence file
  "tabler-icons.LICENSE.txt": join(MODULES, "@tabler/icons/LICENSE"),
  "htmx.LICENSE.txt": join(MODULES, "htmx.org/LICENSE"),
  "diff.LICENSE.txt": join(MODULES, "diff/LICENSE"),
  "papaparse.LICENSE.txt": join(MODULES, "papaparse/LICENSE"),
  "diff3.LICENSE.txt": join(MODULES, "node-diff3/LICENSE.md"),
  "yjs.LICENSE.txt": join(MODULES, "yjs/LICENSE"),
  "lib0.LICENSE.txt": join(MODULES, "lib0/LICENSE"), // a part of yjs.js
}
const ICONS = [
  "outline/adjustments", "outline/alert-triangle", "outline/arrow-back-up", "outline/arrows-diff", "outline/check",
  "outline/chevron-down", "outline/chevron-left", "outline/chevron-right", "outline/chevron-up", "outline/code",
  "outline/columns-3", "outline/confetti", "outline/copy", "outline/device-desktop", "outline/device-floppy",
  "outline/dice-5", "outline/dots", "outline/download", "outline/eye", "outline/flask", "outline/git-fork",
  "outline/git-merge", "outline/grip-vertical", "outline/heart", "outline/history", "outline/key", "outline/keyboard",
  "outline/layout-sidebar", "outline/logout", "outline/message-circle", "outline/mood-plus", "outline/mood-smile",
  "outline/moon", "outline/pencil", "outline/plus", "outline/refresh", "outline/search", "outline/settings",
  "outline/share", "outline/star", "outline/sun", "outline/tag", "outline/thumb-down", "outline/thumb-up",
  "outline/trash", "outline/user", "outline/users", "outline/x", "filled/player-play", "filled/player-stop",
  "filled/star",
]

// A source map comment names a file that is not shipped; hashed static names would refuse to build over it.
const withoutSourceMap = (text) => text.replace(/\/[/*]# sourceMappingURL=.*?(\*\/)?\s*$/, "")

async function copyLibraries() {
  for (const [name, from] of Object.entries(FILES)) {
    await writeFile(join(TARGET, name), withoutSourceMap(await readFile(join(MODULES, from), "utf8")))
  }
  for (const [name, from] of Object.entries(LICENCES)) await cp(from, join(TARGET, name))
}

/** Yjs imports a library of many files; browsers get both as one module. */
async function bundleYjs() {
  const options = { bundle: true, format: "esm", minify: true, legalComments: "none", target: "es2022" }
  await build({ ...options, entryPoints: [join(MODULES, "yjs/dist/yjs.mjs")], outfile: join(TARGET, "yjs.js") })
}

/** Their name; one that is there as an outline too says that it is filled. */
function idOf(path) {
  const [kind, name] = path.split("/")
  return kind === "filled" && ICONS.includes(`outline/${name}`) ? `${name}-filled` : name
}

async function symbol(path) {
  const svg = await readFile(join(MODULES, "@tabler/icons/icons", `${path}.svg`), "utf8")
  const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"))
  const paint = path.startsWith("filled/")
    ? 'fill="currentColor"'
    : 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
  const drawn = shapes.split("\n").map((line) => line.trim()).filter((line) => line && !line.includes('d="M0 0h24v24H0z"'))
  return `<symbol id="${idOf(path)}" viewBox="0 0 24 24" ${paint}>${drawn.join("")}</symbol>`
}

async function drawIcons() {
  const symbols = await Promise.all(ICONS.map(symbol))
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`
  await writeFile(join(TARGET, "icons.svg"), sprite)
}

async function writeVersions() {
  const { devDependencies } = JSON.parse(await readFile(join(HERE, "package.json"), "utf8"))
  const shipped = Object.entries(devDependencies).filter(([name]) => name !== "esbuild")
  const lines = shipped.map(([name, version]) => `${name} ${version}`)
  await writeFile(join(TARGET, "VERSIONS.txt"), `${lines.join("\n")}\n`)
}

await rm(TARGET, { recursive: true, force: true })
await mkdir(join(TARGET, "diff"), { recursive: true })
await copyLibraries()
await bundleYjs()
await drawIcons()
await writeVersions()
