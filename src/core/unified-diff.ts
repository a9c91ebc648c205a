/** The difference of two texts in the unified form that `patch` and `git apply` take. */

const context = 3

interface Line {
  readonly mark: ' ' | '-' | '+'
  readonly text: string
}

/** Empty when the texts are equal. `name` stands for both files. */
export function unifiedDiff(before: string, after: string, name: string): string {
  if (before === after) return ''
  const lines = differences(linesOf(before), linesOf(after))
  const hunks = hunksOf(lines).map((hunk) => hunkText(lines, hunk))
  return [`--- a/${name}`, `+++ b/${name}`, ...hunks].join('\n') + '\n'
}

/** With their line ends, so that the last line may have none. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

/** What both have in the same order stays; the rest goes or comes. */
function differences(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let end = 0
  while (end < Math.min(before.length, after.length) - start && before.at(-1 - end) === after.at(-1 - end))
    end++
  const kept = (text: string): Line => ({ mark: ' ', text })
  const middle = between(before.slice(start, before.length - end), after.slice(start, after.length - end))
  return [...before.slice(0, start).map(kept), ...middle, ...before.slice(before.length - end).map(kept)]
}

/** By the longest common subsequence. */
function between(before: readonly string[], after: readonly string[]): Line[] {
  const width = after.length + 1
  const longest = new Uint32Array((before.length + 1) * width)
  const at = (i: number, j: number): number => longest[i * width + j]!
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: Line[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    if (i < before.length && before[i] === after[j]) {
      lines.push({ mark: ' ', text: before[i++]! })
      j++
    } else if (j >= after.length || (i < before.length && at(i + 1, j) >= at(i, j + 1)))
      lines.push({ mark: '-', text: before[i++]! })
    else lines.push({ mark: '+', text: after[j++]! })
  }
  return lines
}

/** Changes less than two contexts apart share a hunk. From and to, without the last. */
function hunksOf(lines: readonly Line[]): (readonly [from: number, to: number])[] {
  const hunks: [number, number][] = []
  lines.forEach(({ mark }, index) => {
    if (mark === ' ') return
    const [from, to] = [Math.max(0, index - context), Math.min(lines.length, index + 1 + context)]
    const last = hunks.at(-1)
    if (last && from <= last[1]) last[1] = to
    else hunks.push([from, to])
  })
  return hunks
}

function hunkText(lines: readonly Line[], [from, to]: readonly [number, number]): string {
  const count = (part: readonly Line[], mark: '-' | '+'): number =>
    part.filter((line) => line.mark === ' ' || line.mark === mark).length
  const [before, hunk] = [lines.slice(0, from), lines.slice(from, to)]
  const range = (mark: '-' | '+'): string => {
    const length = count(hunk, mark)
    return `${mark}${count(before, mark) + (length === 0 ? 0 : 1)},${length}`
  }
  const shown = hunk.map(({ mark, text }) =>
    text.endsWith('\n') ? `${mark}${text.slice(0, -1)}` : `${mark}${text}\n\\ No newline at end of file`,
  )
  return [`@@ ${range('-')} ${range('+')} @@`, ...shown].join('\n')
}
