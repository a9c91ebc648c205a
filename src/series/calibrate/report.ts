/** A calibration as lines of text: a table of the tests, the thresholds that follow, and what looks wrong. */
import { formatGbit, formatPercent } from '../../verdict/format.ts'
import { alignedTable } from '../table.ts'
import type { CalibratedThreshold, TestBound } from './thresholds.ts'

const head = ['mode', 'threshold', 'test', 'runs', 'mean', 'CoV', 'min', 'bound', 'room', 'bound − room']

export function calibrationLines(thresholds: readonly CalibratedThreshold[]): string[] {
  const rows = thresholds.flatMap(({ mode, key, tests, deciding }) =>
    tests.map((test) => [mode, key, ...testCells(test, test === deciding && tests.length > 1)]),
  )
  return [
    'Gbit/s; bound: 95 % of runs have at least this mean, with 95 % confidence; room: half of the interval that a verdict',
    'asks to lie above the threshold, after the most repetitions',
    '',
    ...alignedTable([head, ...rows]),
    '',
    ...thresholds.flatMap(thresholdLines),
  ]
}

/** Of those that have none, why and what to do. */
export function refusals(thresholds: readonly CalibratedThreshold[]): string[] {
  return thresholds
    .filter(({ value }) => value === undefined)
    .map(({ mode, key, deciding }) => {
      const { statistics, bound, room, scenario } = deciding
      const cov = statistics.coefficientOfVariation ?? 0
      return (
        `${key} (${mode}) gets no threshold: ${scenario.test} has a bound of ${formatGbit(bound)} less ${formatGbit(room)} ` +
        `Gbit/s, which is not above 0, for the runs differ by ${formatPercent(cov)}: quieten the machines, measure longer ` +
        '(--profile) or more (--runs), and calibrate again'
      )
    })
}

function testCells(test: TestBound, decides: boolean): string[] {
  const { scenario, statistics, bound, room } = test
  const cov = statistics.coefficientOfVariation
  return [
    scenario.test,
    String(statistics.n),
    formatGbit(statistics.mean),
    cov === null ? '—' : formatPercent(cov),
    formatGbit(statistics.min),
    formatGbit(bound),
    formatGbit(room),
    `${formatGbit(bound - room)}${decides ? '  ← the least' : ''}`,
  ]
}

function thresholdLines({ mode, key, value, old, tests, warnings }: CalibratedThreshold): string[] {
  const was = old === undefined ? 'was not there' : `was ${old}`
  const found = tests.flatMap(({ scenario, warnings: ofTest }) =>
    ofTest.map((warning) => `${scenario.test}: ${warning}`),
  )
  return [
    `${key} (${mode}): ${value === undefined ? 'none' : value}, ${was}`,
    ...[...found, ...warnings].map((warning) => `  ! ${warning}`),
  ]
}
