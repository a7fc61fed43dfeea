/** What a reader is told when rights ({ run, edit }) are not those that the page was made for; empty when they are. */
export function changeOfRights(had, has) {
  if (had.edit && !has.edit) return "You can no longer edit this experiment. What you type here is not saved."
  if (had.run && !has.run) return "You can no longer run this experiment."
  if ((!had.edit && has.edit) || (!had.run && has.run)) return "You can edit this experiment now. Reload to do so."
  return ""
}
