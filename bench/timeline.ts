/** Where the wall time of a run went, by its own timeline. Pure. */
import type { RunRecord } from '../src/report/record.ts'

export interface Spent {
  /** From the start of the command to its end, without what lies between an open environment and its closing. */
  readonly modeSeconds: number
  /** Of each scenario: between its first step and its last, without the seconds that its flows were asked to run, and pauses. */
  readonly scenarioSeconds: readonly number[]
  /** All between an open environment and its closing, without flows and pauses, for each scenario. */
  readonly meanScenarioSeconds: number
  /** The phases that took longest, with their seconds. */
  readonly phases: readonly (readonly [name: string, seconds: number])[]
}

/**
 * @param wallSeconds of the whole command, its start and its reports too
 * @throws Error for a run of several modes, or one that measured nothing
 */
export function spentBeyondWindows(record: RunRecord, wallSeconds: number): Spent {
  const { keptSeconds, warmUpSeconds, warmDownSeconds, gapSeconds } = record.profile
  const phase = (name: string): { begin: number; end: number } => {
    const found = record.steps.filter((step) => step.kind === 'phase' && step.name === name)
    if (found.length !== 1)
      throw new Error(`the run has ${found.length} phases "${name}": one mode is needed`)
    return spanOf(found[0]!)
  }
  const [opened, closing] = [phase('open the environment').end, phase('close the environment').begin]
  const measured = record.tests.filter(({ repetitions }) => repetitions.length > 0)
  if (measured.length === 0) throw new Error('the run measured nothing')
  const windows = measured.map(({ repetitions: { length } }) => {
    const flows = length * (keptSeconds + warmUpSeconds + warmDownSeconds)
    return flows + (length - 1) * gapSeconds
  })
  const between = (closing - opened) / 1000
  const scenarioSeconds = measured.map(({ suite, name }, index) => {
    const own = record.steps.filter((step) => step.test?.suite === suite && step.test.name === name)
    const spans = own.filter(({ kind }) => kind !== 'connection').map(spanOf)
    if (spans.length === 0) throw new Error(`the timeline has no step of "${name}"`)
    const wall = Math.max(...spans.map(({ end }) => end)) - Math.min(...spans.map(({ begin }) => begin))
    return wall / 1000 - windows[index]!
  })
  const all = windows.reduce((sum, each) => sum + each, 0)
  return {
    modeSeconds: wallSeconds - between,
    scenarioSeconds,
    meanScenarioSeconds: (between - all) / measured.length,
    phases: record.steps
      .filter(({ kind, test }) => kind === 'phase' && !test)
      .map(({ name, durationMs }) => [name, durationMs / 1000] as const)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 8),
  }
}

function spanOf({ startedAt, durationMs }: RunRecord['steps'][number]): { begin: number; end: number } {
  const begin = Date.parse(startedAt)
  return { begin, end: begin + durationMs }
}
