/** Rounds summed up by flow count: mean, 95 % interval, spread. */
import { formatMeanGbit, formatPercent } from '../verdict/format.ts'
import { summarise } from '../verdict/statistics.ts'
import type { SampleStatistics } from '../verdict/verdict.ts'

/** One round as a table has it: `undefined` where it is invalid. */
export interface Figure {
  readonly flowCount: number
  readonly round: number
  readonly bitsPerSecond: number | undefined
}

export interface FlowCountSummary {
  readonly flowCount: number
  readonly rounds: number
  /** Of the valid rounds; `undefined` when there is none. */
  readonly statistics: SampleStatistics | undefined
}

/** By flow count, the smallest first. Invalid rounds have no figure and are counted. */
export function summariseFlows(figures: readonly Figure[]): FlowCountSummary[] {
  return [...Map.groupBy(figures, ({ flowCount }) => flowCount)]
    .toSorted(([a], [b]) => a - b)
    .map(([flowCount, rounds]) => {
      const valid = rounds.flatMap(({ bitsPerSecond }) => bitsPerSecond ?? [])
      return {
        flowCount,
        rounds: rounds.length,
        statistics: valid.length > 0 ? summarise(valid) : undefined,
      }
    })
}

/** `4 flows: 9.41 ± 0.12 Gbit/s (95 % interval of the mean), CoV 1.2 %, 5 of 5 rounds valid` */
export function summaryLine({ flowCount, rounds, statistics }: FlowCountSummary): string {
  const flows = flowsOf(flowCount)
  const valid = `${statistics?.n ?? 0} of ${rounds} rounds valid`
  if (!statistics) return `${flows}: no figure, ${valid}`
  const { mean, interval, coefficientOfVariation: cov } = statistics
  const figure = `${formatMeanGbit(mean, interval?.halfWidth ?? null)} Gbit/s`
  const spread = cov === null ? 'no CoV' : `CoV ${formatPercent(cov)}`
  return `${flows}: ${figure}${interval ? ' (95 % interval of the mean)' : ''}, ${spread}, ${valid}`
}

export function flowsOf(count: number): string {
  return `${count} ${count === 1 ? 'flow' : 'flows'}`
}
