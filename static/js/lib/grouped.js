/** A Map from each key to those of `all` that `keyOf` gives it to, in their order. */
export function grouped(all, keyOf) {
  const groups = new Map()
  for (const one of all) {
    const key = keyOf(one)
    if (groups.has(key)) groups.get(key).push(one)
    else groups.set(key, [one])
  }
  return groups
}
