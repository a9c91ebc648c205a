/** How much of a run is left: a guess from its profile, or from the tests that are done. */
import type { MeasurementProfile } from '../../verdict/verdict.ts'
import type { LiveState } from './state.ts'

/** Of a repetition, beside its traffic: servers that come to listen, counters, outputs that are fetched. Seen in the lab. */
const aroundRepetition = 1.5
/** Of a test, beside its repetitions: routes, pre-flight. Seen in the lab. */
const aroundTest = 4

/** Of a test that is decided by the fewest repetitions. Seconds. */
export function testSeconds({
  warmUpSeconds,
  keptSeconds,
  warmDownSeconds,
  gapSeconds,
  repetitions: { min },
}: MeasurementProfile): number {
  return (
    aroundTest +
    min * (warmUpSeconds + keptSeconds + warmDownSeconds + aroundRepetition) +
    (min - 1) * gapSeconds
  )
}

/** How many tests run; a suite that was not read yet is taken to have as many as it has in another mode, or as others have. */
export function plannedTests(suites: LiveState['suites']): {
  readonly tests: number
  readonly certain: boolean
} {
  const read = suites.flatMap(({ tests }) => tests ?? [])
  const usual = read.length === 0 ? 1 : read.reduce((sum, tests) => sum + tests, 0) / read.length
  const counts = suites.map(
    ({ suite, tests }) =>
      tests ?? suites.find((each) => each.suite === suite && each.tests !== undefined)?.tests ?? usual,
  )
  return {
    tests: Math.round(counts.reduce((sum, tests) => sum + tests, 0)),
    certain: suites.every(({ tests }) => tests !== undefined),
  }
}

/** Seconds; `undefined` before any suite was read. */
export function secondsLeft(state: LiveState, nowMs: number): number | undefined {
  if (state.suites.every(({ tests }) => tests === undefined)) return undefined
  const measured = state.done.filter(({ state: each }) => each !== 'SKIPPED' && each !== 'ERROR')
  const each =
    measured.length === 0
      ? testSeconds(state.profile)
      : measured.reduce((sum, { seconds }) => sum + seconds, 0) / measured.length
  const left = Math.max(0, plannedTests(state.suites).tests - state.done.length)
  const spent = state.test ? (nowMs - state.test.sinceMs) / 1000 : 0
  return Math.max(0, left * each - Math.min(spent, each))
}
