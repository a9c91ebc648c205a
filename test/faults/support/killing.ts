/** Kills a program at each of its steps in turn, and hands over what it left. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { Running, foreignEnvironment } from '../../e2e/support/project.ts'

/** Before or after the step of this number, counted from 1 over all processes of the program. */
export interface KillPoint {
  readonly step: number
  readonly side: 'before' | 'after'
}

export interface Killable {
  readonly argv: readonly string[]
  readonly cwd: string
  /** What its steps are: lines of its journal, or programs that it starts. */
  readonly steps: 'lines' | 'programs'
}

const preload = join(import.meta.dirname, 'kill-at.ts')

/** How many steps the program takes when nobody kills it. It must succeed. */
export async function countSteps(program: Killable): Promise<number> {
  const { steps, status, text } = await startCounted(program, 'count')
  expect(status, text).toBe(0)
  return steps
}

/** Whether the program got as far as the point, and so was killed. */
export async function killAt(program: Killable, { step, side }: KillPoint): Promise<boolean> {
  const { status } = await startCounted(program, `${step}:${side}`)
  return status === 'SIGKILL'
}

/**
 * Every point of a program of `steps` steps, in the order in which it comes to them; of more than `most` these many, spread
 * evenly, the first and the last among them.
 */
export function killPoints(steps: number, most: number): KillPoint[] {
  const points = Array.from({ length: steps }, (_, index) =>
    (['before', 'after'] as const).map((side) => ({ step: index + 1, side })),
  ).flat()
  if (points.length <= most) return points
  return Array.from(
    { length: most },
    (_, index) => points[Math.round((index * (points.length - 1)) / Math.max(1, most - 1))]!,
  )
}

export function pointText({ step, side }: KillPoint): string {
  return `killed ${side} step ${step}`
}

async function startCounted(
  { argv, cwd, steps }: Killable,
  at: string,
): Promise<{ readonly steps: number; readonly status: number | NodeJS.Signals; readonly text: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-kill-'))
  const counter = join(folder, 'counter')
  try {
    await writeFile(counter, '')
    const running = new Running(argv, cwd, {
      ...foreignEnvironment(),
      NODE_OPTIONS: `--import=${preload}`,
      DPBENCH_TEST_KILL_AT: at,
      DPBENCH_TEST_KILL_STEPS: steps,
      DPBENCH_TEST_KILL_COUNTER: counter,
    })
    const { status, text } = await running.ended
    return { status, text, steps: (await readFile(counter)).length }
  } finally {
    await rm(folder, { recursive: true })
  }
}
