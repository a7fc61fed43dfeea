/**
 * What a reader is told when rights ({ run, edit }) are not those that the page was made for; empty when they are. The boxes
 * of a page that `isSwitched` have changed already.
 */
export function changeOfRights(had, has, isSwitched = false) {
  if (had.edit && !has.edit) return `You can no longer edit this experiment.${isSwitched ? "" : " What you type here is not saved."}`
  if (had.run && !has.run) return "You can no longer run this experiment."
  if ((!had.edit && has.edit) || (!had.run && has.run)) {
    return `You can edit this experiment now. Reload ${isSwitched ? "for sharing, tags and the other acts" : "to do so"}.`
  }
  return ""
}
