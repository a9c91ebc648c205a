/** The known word that a misspelled one was probably meant to be. */

/** The nearest of `known` within a third of the word's length (at least 1, at most 3 edits), or `undefined`. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.min(3, Math.max(1, Math.floor(word.length / 3)))
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of known) {
    if (Math.abs(word.length - candidate.length) > limit) continue // so many edits at least: a long word takes no time
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { candidate, distance }
  }
  return best?.candidate
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `from` into `to` (optimal string alignment). */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1] ? 0 : 1
      let cost = Math.min(
        cell(rows, row - 1, column) + 1,
        (current[column - 1] ?? 0) + 1,
        cell(rows, row - 1, column - 1) + same,
      )
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, cell(rows, row - 2, column - 2) + 1)
      current.push(cost)
    }
    rows.push(current)
  }
  return cell(rows, from.length, to.length)
}

function cell(rows: readonly (readonly number[])[], row: number, column: number): number {
  return rows[row]?.[column] ?? 0
}
