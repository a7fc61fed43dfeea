// The examples as CSV. Texts that a spreadsheet would read as a formula get an apostrophe before them.

/** One row per example, the output last; `papa` is Papa Parse. */
export function asCsv({ spec, columns }, papa) {
  const data = spec.examples.map(({ values, output }) => [...spec.fields.map((field) => values[field] ?? ""), output])
  return papa.unparse({ fields: columns, data }, { escapeFormulae: true })
}
