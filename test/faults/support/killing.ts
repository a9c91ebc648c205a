/** Kills a program at each step of its journal in turn, and hands over what it left. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Running } from '../../e2e/support/project.ts'

/** Before or after the line of this number was appended to a journal, counted from 1 over all processes of the program. */
export interface KillPoint {
  readonly line: number
  readonly side: 'before' | 'after'
}

/** Starts the program with these variables in its environment, as the leader of a process group. */
export type Start = (env: NodeJS.ProcessEnv) => Running

const preload = join(import.meta.dirname, 'kill-at.ts')

/** How many lines the program appends when nobody kills it. */
export async function countLines(start: Start): Promise<number> {
  const { lines } = await startCounted(start, 'count')
  return lines
}

/** Whether the program got as far as the point, and so was killed. */
export async function killAt(start: Start, { line, side }: KillPoint): Promise<boolean> {
  const { status } = await startCounted(start, `${line}:${side}`)
  return status === 'SIGKILL'
}

/** Every point of a program that appends `lines` lines, in the order in which it comes to them. */
export function everyPoint(lines: number): KillPoint[] {
  return Array.from({ length: lines }, (_, index) =>
    (['before', 'after'] as const).map((side) => ({ line: index + 1, side })),
  ).flat()
}

/** `count` of the points, spread evenly, the first and the last among them. */
export function spread<T>(points: readonly T[], count: number): T[] {
  if (points.length <= count) return [...points]
  return Array.from({ length: count }, (_, index) => {
    const place = Math.round((index * (points.length - 1)) / Math.max(1, count - 1))
    return points[place]!
  })
}

async function startCounted(
  start: Start,
  at: string,
): Promise<{ readonly lines: number; readonly status: number | NodeJS.Signals; readonly text: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-kill-'))
  const counter = join(folder, 'counter')
  try {
    await writeFile(counter, '')
    const running = start({
      NODE_OPTIONS: `--import=${preload}`,
      DPBENCH_TEST_KILL_AT: at,
      DPBENCH_TEST_KILL_COUNTER: counter,
    })
    const { status, text } = await running.ended
    return { status, text, lines: (await readFile(counter)).length }
  } finally {
    await rm(folder, { recursive: true })
  }
}
