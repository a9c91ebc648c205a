/**
 * From the runs of a calibration to thresholds: per test and mode the lower tolerance bound of the runs' means, less the room
 * that a verdict's interval takes; per threshold of the config the least of its tests, rounded down.
 */
import { DpbenchError } from '../../core/errors.ts'
import type { RunRecord } from '../../report/record.ts'
import { decidingTail } from '../../verdict/looks.ts'
import { intervalOfMean, summarise } from '../../verdict/statistics.ts'
import { lowerToleranceBound } from '../../verdict/tolerance.ts'
import type { MeasurementProfile, SampleStatistics, VerdictRule } from '../../verdict/verdict.ts'
import { type Scenario, scenariosOf } from '../figures.ts'
import { warningsOn } from './warnings.ts'

/** MEASUREMENT.md, "Calibrate". */
export const fewestRuns = 10

/** The least that a config takes, Gbit/s. */
const leastThreshold = 0.001
const digits = 3

/** One test in one mode, over all runs. Bit/s. */
export interface TestBound {
  readonly scenario: Scenario
  /** Of the runs' means. */
  readonly statistics: SampleStatistics
  /** 95 % of runs have a mean of at least this, with 95 % confidence. */
  readonly bound: number
  /**
   * Half of the interval that a run has after its most repetitions, by the spread of the repetitions within the runs: a verdict
   * asks that the whole interval reaches the threshold. 0 where the mean alone is judged.
   */
  readonly room: number
  readonly warnings: readonly string[]
}

/** One number of the config. */
export interface CalibratedThreshold {
  readonly mode: string
  readonly key: string
  readonly tests: readonly TestBound[]
  /** The test with the least bound. */
  readonly deciding: TestBound
  /** Gbit/s; `undefined` when there is none to be had. */
  readonly value: number | undefined
  /** Gbit/s, as the config has it. */
  readonly old: number | undefined
  readonly warnings: readonly string[]
}

export type OldThresholds = Readonly<Record<string, Readonly<Partial<Record<string, number>>> | undefined>>

/**
 * @param old by mode and key, Gbit/s
 * @throws DpbenchError when there are too few runs of a test
 */
export function calibrate(records: readonly RunRecord[], old: OldThresholds): CalibratedThreshold[] {
  const [first] = records
  if (!first) throw new DpbenchError('there is no run to calibrate from')
  const scenarios = scenariosOf(records.map(withoutQuarantined))
  const short = scenarios.filter(({ means }) => means.length < fewestRuns)
  if (short.length > 0) {
    const found = short.map(({ test, mode, means }) => `${test} (${mode}): ${means.length}`)
    throw new DpbenchError(
      `calibrating takes ${fewestRuns} valid runs of each test, and there are fewer: ${found.join(', ')}; measure more`,
    )
  }
  const bounds = scenarios.map((scenario) => boundOf(scenario, first))
  const byKey = Map.groupBy(bounds, ({ scenario }) => JSON.stringify([scenario.mode, scenario.scenario]))
  return [...byKey.values()].map((tests) => thresholdOf(tests, old))
}

/** What is known to be bad is no measure of what the hardware reaches. */
function withoutQuarantined(record: RunRecord): RunRecord {
  return { ...record, tests: record.tests.filter((test) => !isQuarantined(test)) }
}

/** In one sentence, the tests that are left out; none where there are none. */
export function quarantinedLines(records: readonly RunRecord[]): string[] {
  const names = records.flatMap(({ tests }) =>
    tests.filter(isQuarantined).map(({ name, mode }) => `${name} (${mode})`),
  )
  return names.length === 0 ? [] : [`left out, as they are in quarantine: ${[...new Set(names)].join(', ')}`]
}

function isQuarantined({ quarantine }: RunRecord['tests'][number]): boolean {
  return quarantine !== undefined && !quarantine.expired
}

export function boundOf(
  scenario: Scenario,
  { profile, rule }: { readonly profile: MeasurementProfile; readonly rule: VerdictRule },
): TestBound {
  const { bound } = lowerToleranceBound(scenario.means)
  const room = rule === 'mean' ? 0 : roomOf(scenario.runs, profile)
  const statistics = summarise(scenario.means)
  return { scenario, statistics, bound, room, warnings: warningsOn(scenario, statistics, profile) }
}

/** Gbit/s, rounded down so that rounding makes nothing stricter; `undefined` when it is not above 0. */
export function roundedDown(bitsPerSecond: number): number | undefined {
  const gigabits = bitsPerSecond / 1e9
  if (!(gigabits >= leastThreshold)) return undefined
  const unit = 10 ** (Math.floor(Math.log10(gigabits)) - digits + 1)
  const down = Math.floor(gigabits / unit + 1e-9) * unit
  return Math.max(leastThreshold, Number(down.toPrecision(digits)))
}

function thresholdOf(tests: readonly TestBound[], old: OldThresholds): CalibratedThreshold {
  const deciding = tests.reduce((least, test) => (heldTo(test) < heldTo(least) ? test : least))
  const { mode, scenario: key } = deciding.scenario
  const value = roundedDown(heldTo(deciding))
  const before = old[mode]?.[key]
  return { mode, key, tests, deciding, value, old: before, warnings: changeWarnings(value, before) }
}

function heldTo({ bound, room }: TestBound): number {
  return bound - room
}

/** All runs have one spread; more repetitions tell it better. */
function roomOf(runs: readonly SampleStatistics[], { repetitions }: MeasurementProfile): number {
  const spread = runs.flatMap(({ n, standardDeviation }) =>
    standardDeviation === null ? [] : [{ degrees: n - 1, variance: standardDeviation ** 2 }],
  )
  const degrees = spread.reduce((sum, each) => sum + each.degrees, 0)
  if (degrees === 0) return 0
  const pooled = spread.reduce((sum, each) => sum + each.degrees * each.variance, 0) / degrees
  const { max } = repetitions
  return intervalOfMean(0, Math.sqrt(pooled), max, decidingTail(max, repetitions))?.halfWidth ?? 0
}

/** A figure that fell is a fault more often than a new truth. */
function changeWarnings(value: number | undefined, before: number | undefined): string[] {
  if (value === undefined || before === undefined || value >= 0.95 * before) return []
  const less = ((1 - value / before) * 100).toFixed(1)
  return [
    `${value} is ${less} % below the ${before} that the config has: if nothing was changed to explain it, look for a ` +
      'regression before you accept it',
  ]
}
