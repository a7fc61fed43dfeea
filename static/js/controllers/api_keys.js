// Makes an API key and shows it, this one time.

import { byId, copyWithNote, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { commands } from "../models/commands.js";

export function connectApiKeys() {
  const form = byId("make-key")
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    make(form)
  })
  form.querySelector("button").disabled = false // before, a press would only load the page again
  byId("copy-key").addEventListener("click", ({ currentTarget }) => copyWithNote(currentTarget, byId("fresh-secret").value))
  byId("fresh-secret").addEventListener("focus", ({ target }) => target.select())
  commands.add({ id: "make-key", group: "Team", title: "Make an API key", run: () => form.elements.name.focus() })
}

async function make(form) {
  const given = new FormData(form)
  const button = form.querySelector("button")
  button.disabled = true
  try {
    const body = { name: given.get("name"), days: Number(given.get("days")), scopes: given.getAll("scopes") }
    show(await requestJson("POST", form.dataset.url, { body }))
    say(byId("key-fault"), "")
    form.elements.name.value = ""
  } catch (error) {
    say(byId("key-fault"), error.message)
  } finally {
    button.disabled = false
  }
}

function show({ key, secret }) {
  byId("fresh-secret").value = secret
  byId("fresh-key").hidden = false
  byId("copy-key").focus()
  byId("open-keys").hidden = false
  byId("key-rows").prepend(rowOf(key))
}

function rowOf({ name, shown, scopes, expires_at: expiresAt, revoke }) {
  const row = fromTemplate("key-template")
  const until = expiresAt ? `until ${new Date(expiresAt).toLocaleDateString([], { dateStyle: "long" })}` : "until it is revoked"
  row.querySelector("[data-name]").textContent = name
  row.querySelector("[data-shown]").textContent = `${shown}…`
  row.querySelector("[data-about]").textContent = `${scopes.join(", ")} · ${until} · never used`
  row.querySelector("form").action = revoke
  return row
}
