// A role that is chosen is sent at once; the page that comes back says what it is now.

export function connectRoles() {
  for (const form of document.querySelectorAll("[data-role-form]")) {
    form.elements.role.addEventListener("change", () => form.requestSubmit())
  }
}
