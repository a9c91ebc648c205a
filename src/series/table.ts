/** Rows of text under one another, for a terminal and a file. */

/** Of runs that were counted and not used, for the end of a report. */
export function unusableLines(unusable: readonly string[]): string[] {
  if (unusable.length === 0) return []
  const count = unusable.length === 1 ? '1 run was' : `${unusable.length} runs were`
  return [`${count} not usable, and not in these figures:`, ...unusable.map((each) => `  ${each}`)]
}

/** The first row is the head. Columns are as wide as their widest cell. */
export function alignedTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => [...(row[column] ?? '')].length)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(widths[column]! - [...cell].length))
      .join('  ')
      .trimEnd(),
  )
}
