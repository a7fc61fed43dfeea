// A table as inputs of a comparison. A table is what table_reader gives: { names, rows }.

const plain = (name) => name.trim().toLowerCase()

/** Whether the first row looks like the names of the fields. */
export function isHeader({ names, rows }, fields) {
  if (names) return true
  const known = new Set(fields.map(plain))
  return (rows[0] ?? []).some((cell) => known.has(plain(cell)))
}

/** The rows as [{ field: text }]; columns named as fields go to them, and if none is, they go by their order. */
export function inputsOf({ names, rows }, fields, withHeader) {
  const heads = names ?? (withHeader ? rows[0] : null) ?? []
  const lines = names || !withHeader ? rows : rows.slice(1)
  const named = fields.map((field) => heads.findIndex((name) => plain(name) === plain(field)))
  const places = named.some((place) => place >= 0) ? named : fields.map((_, index) => index)
  return lines
    .map((line) => Object.fromEntries(fields.flatMap((field, index) => (line[places[index]] === undefined ? [] : [[field, line[places[index]]]]))))
    .filter((input) => Object.values(input).some((text) => text.trim()))
}
