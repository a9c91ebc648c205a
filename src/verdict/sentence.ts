/** A verdict in one sentence: `9.41 ± 0.12 Gbit/s ≥ 8 expected (non-offload, remote_vm2vm): +17.6 %, n=6, CoV 1.2 %`. */
import { formatExpected, formatMeanGbit, formatPercent, formatSignedPercent } from './format.ts'
import type { Expected, Reason, SampleStatistics } from './verdict.ts'

interface Subject {
  readonly mode?: string | undefined
  readonly expected: Expected
}

interface Measured extends Subject {
  readonly statistics: SampleStatistics
  readonly deviation: number
}

/** PASS and FAIL. The sign compares the mean, which lies on the same side as the interval. */
export function judgedSentence(state: 'PASS' | 'FAIL', measured: Measured): string {
  return `${figure(measured)} ${state === 'PASS' ? '≥' : '<'} ${expectation(measured)}: ${numbers(measured)}`
}

/** Not decided: the reasons follow the numbers. */
export function unstableSentence(measured: Measured, reasons: readonly Reason[]): string {
  const why = reasons.map(({ message }) => message).join('; ')
  return `${figure(measured)} against ${expectation(measured)}: ${numbers(measured)}; unstable: ${why}`
}

/** No figure: the first reason, and how many more there are. */
export function invalidSentence(subject: Subject, reasons: readonly Reason[], repetitions: number): string {
  const [first] = reasons
  const others = reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : ''
  const message = first?.message ?? 'a sample has no figure'
  return `no valid figure against ${expectation(subject)}, n=${repetitions}: ${message}${others}`
}

function figure({ statistics: { mean, interval } }: Measured): string {
  return `${formatMeanGbit(mean, interval?.halfWidth ?? null)} Gbit/s`
}

function expectation({ mode, expected }: Subject): string {
  const where = [mode, expected.key].filter((part) => part !== undefined).join(', ')
  return `${formatExpected(expected.bitsPerSecond)} expected (${where})`
}

function numbers({ deviation, statistics: { n, coefficientOfVariation } }: Measured): string {
  const spread = coefficientOfVariation === null ? 'no CoV' : `CoV ${formatPercent(coefficientOfVariation)}`
  return `${formatSignedPercent(deviation)}, n=${n}, ${spread}`
}
