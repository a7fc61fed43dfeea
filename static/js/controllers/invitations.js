// Makes an invitation and shows its link, this one time.

import { byId, copyWithNote, fromTemplate, say } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { commands } from "../models/commands.js";

export function connectInvitations() {
  const form = byId("invite")
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    make(form)
  })
  form.querySelector("button").disabled = false // before, a press would only load the page again
  byId("invite-copy").addEventListener("click", ({ currentTarget }) => copyWithNote(currentTarget, byId("invite-address").value))
  byId("invite-address").addEventListener("focus", ({ target }) => target.select())
  commands.add({ id: "invite", group: "Team", title: "Invite somebody", run: () => form.elements.role.focus() })
}

async function make(form) {
  const { role, days, email } = Object.fromEntries(new FormData(form))
  const button = form.querySelector("button")
  button.disabled = true
  try {
    const body = { role, days: Number(days), email: email ?? "" }
    show(await requestJson("POST", form.dataset.url, { body }))
    say(byId("invite-fault"), "")
  } catch (error) {
    say(byId("invite-fault"), error.message)
  } finally {
    button.disabled = false
  }
}

function show({ invitation, link, mail_fault: mailFault }) {
  const { role, email } = invitation
  byId("invite-words").textContent = email && !mailFault ? `Sent to ${email}.` : `A link for one ${role}.`
  say(byId("invite-mail-fault"), mailFault)
  byId("invite-address").value = link
  byId("invite-link").hidden = false
  byId("invite-copy").focus()
  byId("open-invitations").hidden = false
  byId("invitation-rows").prepend(rowOf(invitation))
}

function rowOf({ role, email, expires_at: expiresAt, revoke }) {
  const row = fromTemplate("invitation-template")
  const time = row.querySelector("time")
  row.querySelector("[data-words]").textContent = email ? `${role} · ${email}` : role
  time.dateTime = expiresAt
  time.textContent = new Date(expiresAt).toLocaleString([], { dateStyle: "long", timeStyle: "short" })
  row.querySelector("form").action = revoke
  return row
}
