/** What looks wrong with the runs of a calibration. It is said, and forbids nothing: whoever accepts the diff decides. */
import { compareFigures } from '../../verdict/compare.ts'
import { findTwoModes } from '../../verdict/dip.ts'
import { formatGbit, formatPercent, formatSignedPercent } from '../../verdict/format.ts'
import type { MeasurementProfile, SampleStatistics } from '../../verdict/verdict.ts'
import type { Scenario } from '../figures.ts'

export function warningsOn(
  scenario: Scenario,
  statistics: SampleStatistics,
  profile: MeasurementProfile,
): string[] {
  return [
    ...spreadBetween(statistics, profile),
    ...spreadWithin(scenario, profile),
    ...drift(scenario),
    ...twoModes(scenario),
    ...outliers(statistics),
  ]
}

function spreadBetween(
  { coefficientOfVariation: cov }: SampleStatistics,
  profile: MeasurementProfile,
): string[] {
  if (cov === null || cov <= profile.maxCov) return []
  return [
    `the runs differ by ${formatPercent(cov)}, more than profile ${profile.name} allows within one ` +
      `(${formatPercent(profile.maxCov)}): quieten the machines, or the threshold will catch little`,
  ]
}

function spreadWithin({ runs }: Scenario, { maxCov, name }: MeasurementProfile): string[] {
  const wide = runs.filter(({ coefficientOfVariation: cov }) => cov !== null && cov > maxCov)
  if (wide.length === 0) return []
  return [
    `in ${wide.length} of ${runs.length} runs the repetitions spread by more than the ${formatPercent(maxCov)} of profile ` +
      `${name}: such a run is UNSTABLE whatever the threshold`,
  ]
}

/** The earlier half of the runs against the later. */
function drift({ means }: Scenario): string[] {
  const half = Math.floor(means.length / 2)
  const { p, effect } = compareFigures(means.slice(0, half), means.slice(-half))
  if (p >= 0.05) return []
  return [
    `the later half of the runs is ${formatSignedPercent(effect)} off the earlier (p=${p.toFixed(3)}): something drifts; ` +
      'find out what, and calibrate when it has settled',
  ]
}

/** Of all repetitions, as ten runs show few modes. */
function twoModes({ runs }: Scenario): string[] {
  const found = findTwoModes(runs.flatMap(({ values }) => values))
  if (!found) return []
  const [low, high] = found.groups.map(({ n, mean }) => `${n} about ${formatGbit(mean)}`)
  return [
    `the repetitions fall into two groups, ${low} and ${high} Gbit/s: find out what makes the difference, or the ` +
      'threshold is one of neither',
  ]
}

function outliers({ outliers: found, n }: SampleStatistics): string[] {
  if (found.length === 0) return []
  const list = found.map(({ repetition, value }) => `run ${repetition} with ${formatGbit(value)} Gbit/s`)
  return [`far from the others, and counted: ${list.join(', ')} of ${n}`]
}
