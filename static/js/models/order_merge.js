// Lists of things with names of their own (fields, ids of examples), merged: added, removed and moved by two people.

import { diffArrays } from "../../vendor/diff/array.js";

/**
 * The keys of `kept` in an order that follows both: that of the one who moved things, with what the other added
 * behind what it stood behind there. When both moved things, mine is followed.
 */
export function mergeOrder(base, mine, theirs, kept) {
  const [spine, other] = hasMoved(base, mine) || !hasMoved(base, theirs) ? [mine, theirs] : [theirs, mine]
  const order = spine.filter((key) => kept.has(key))
  const placed = new Set(order)
  for (const source of [other, base]) {
    source.forEach((key, place) => {
      if (!kept.has(key) || placed.has(key)) return
      const before = source.slice(0, place).findLast((one) => placed.has(one))
      order.splice(order.indexOf(before) + 1, 0, key)
      placed.add(key)
    })
  }
  return order
}

/** Whether what is in both stands in another order. */
function hasMoved(before, after) {
  const [old, fresh] = [new Set(before), new Set(after)]
  const [one, two] = [before.filter((key) => fresh.has(key)), after.filter((key) => old.has(key))]
  return one.some((key, place) => key !== two[place])
}

/** Those of a list without names (test inputs) that stay: what either added, without what either removed. */
export function mergeSet(base, mine, theirs) {
  const keys = (list) => list.map((one) => JSON.stringify(one, Object.keys(one).sort()))
  const [old, own, other] = [keys(base), keys(mine), keys(theirs)]
  const all = new Map([...own.map((key, at) => [key, mine[at]]), ...other.map((key, at) => [key, theirs[at]])])
  const kept = new Set([...all.keys()].filter((key) => !old.includes(key) || (own.includes(key) && other.includes(key))))
  return mergeOrder(old, [...new Set(own)], [...new Set(other)], kept).map((key) => all.get(key))
}

/** Ids that no longer stand in the old order: all but a longest part of it that was kept. */
export function movedKeys(before, after) {
  return new Set(diffArrays(before, after).filter(({ added }) => added).flatMap(({ value }) => value))
}
