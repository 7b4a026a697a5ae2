// Results as Markdown. A row is what was played, its verdict, and figures; a verdict is `kept`, or begins with
// `as documented:`, with `fails direct:` when the player cannot play it without the rig either, or with `FAILED:`.

export const KEPT = 'kept'
export const failed = (why) => `FAILED: ${why}`
export const asDocumented = (why) => `as documented: ${why}`

export const isFailure = ({ verdict }) => verdict.startsWith('FAILED')

/** A title, then a table whose columns are the names of the rows' fields. */
export function table(title, rows) {
  const columns = [...new Set(rows.flatMap(Object.keys))]
  const line = (cells) => `| ${cells.map((cell) => String(cell ?? '').replaceAll('|', '\\|')).join(' | ')} |`
  const body = rows.map((row) => line(columns.map((column) => row[column])))
  return [`\n## ${title}\n`, line(columns), line(columns.map(() => '---')), ...body].join('\n')
}

/** How many rows have which verdict. */
export function summary(rows) {
  const counts = counted(rows.map(({ verdict }) => verdict.split(':')[0]).sort())
  return `\n${rows.length} rows: ${counts || 'nothing was picked'}.`
}

/** `2 x fragLoadError 404, bufferStalledError`. */
export function counted(names) {
  const counts = new Map()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => (count > 1 ? `${count} x ${name}` : name)).join(', ')
}
