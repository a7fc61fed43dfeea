// Tiny helpers over the document. User text only ever enters as text content or form values.

export const byId = (id) => document.getElementById(id)

/** A fresh copy of the single element inside `<template id=...>`; imported, so that custom elements in it are alive. */
export function fromTemplate(id) {
  return document.importNode(byId(id).content.firstElementChild, true)
}

/** The value of a `json_script` block. */
export function readData(id) {
  return JSON.parse(byId(id).textContent)
}

/** Makes an element with text and attributes. */
export function element(name, { text, ...attributes } = {}) {
  const made = document.createElement(name)
  if (text !== undefined) made.textContent = text
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

/** Writes `text` if it is not there already: the same text written again is laid out again. */
export function setText(place, text) {
  if (place.textContent !== text) place.textContent = text
}

/** Shows `text` in a place that is hidden while it has nothing to say. */
export function say(place, text) {
  setText(place, text ?? "")
  place.hidden = !text
}

/** Makes `wanted` the children of `place`, and touches only those that come, go or change places: focus and scroll stay. */
export function putChildren(place, wanted) {
  const stays = new Set(wanted)
  for (const old of [...place.children]) if (!stays.has(old)) old.remove()
  let next = place.firstElementChild
  for (const child of wanted) {
    if (child === next) next = next.nextElementSibling
    else place.insertBefore(child, next)
  }
}

/** Copies `text`; the clipboard API needs a secure page, a plain-http address of a colleague has none. */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = element("textarea", { class: "visually-hidden" })
  area.value = text
  document.body.append(area)
  area.select()
  document.execCommand("copy")
  area.remove()
}

/** Puts `text` on the button for a moment, then the old label again. */
export async function copyWithNote(button, text) {
  const label = button.querySelector("[data-label]")
  const before = label.dataset.label
  await copyText(text)
  label.textContent = "Copied"
  setTimeout(() => (label.textContent = before), 1500)
}
