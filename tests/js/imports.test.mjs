import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"

const ROOT = join(import.meta.dirname, "../../static/js")
const modules = readdirSync(ROOT, { recursive: true }).filter((name) => name.endsWith(".js"))

// The server rewrites imports to hashed names, and only sees those that end with a semicolon.
test("every import is relative and ends with a semicolon", () => {
  let seen = 0
  for (const name of modules) {
    for (const line of readFileSync(join(ROOT, name), "utf8").split("\n")) {
      if (!/^(import\b|export .* from ["'])/.test(line)) continue
      assert.match(line, /"\.{1,2}\/[\w./]+\.js";$/, name)
      // A name that ends in "Import" or "Export" before a brace would be taken for another statement.
      assert.doesNotMatch(line.slice("import".length), /(import|export)[\s{]/i, name)
      seen += 1
    }
  }
  assert.ok(seen > 20, `only ${seen} imports were found`)
})
