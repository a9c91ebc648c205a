/** The tables and texts of the flow tool: columns and sentences as the tool that it replaces has them. */
import { UsageError } from '../core/errors.ts'
import type { Figure, FlowCountSummary } from './summary.ts'

export const roundColumns = 'Flow Count,Round Number,Throughput Mbps,Throughput Gbps'
export const summaryColumns =
  'Flow Count,Rounds,Valid Rounds,Mean Gbps,Interval 95 % Low Gbps,Interval 95 % High Gbps,CoV,Median Gbps,Min Gbps,Max Gbps'

/** An invalid round has empty cells: a 0 would be a figure. */
export function roundRow({ flowCount, round, bitsPerSecond }: Figure): string {
  const cells =
    bitsPerSecond === undefined
      ? ['', '']
      : [(bitsPerSecond / 1e6).toFixed(2), (bitsPerSecond / 1e9).toFixed(3)]
  return [flowCount, round, ...cells].join(',')
}

/** `Round 2: Total aggregated throughput: 9410.00 Mbits/sec (9.410 Gbits/sec)` */
export function roundLine({ round, bitsPerSecond }: Figure, reasons: readonly string[]): string {
  if (bitsPerSecond === undefined) return `Round ${round}: INVALID: ${reasons.join('; ') || 'no figure'}`
  const [mbps, gbps] = [(bitsPerSecond / 1e6).toFixed(2), (bitsPerSecond / 1e9).toFixed(3)]
  return `Round ${round}: Total aggregated throughput: ${mbps} Mbits/sec (${gbps} Gbits/sec)`
}

export function summaryRow({ flowCount, rounds, statistics }: FlowCountSummary): string {
  const gbps = (bits: number | undefined): string => (bits === undefined ? '' : (bits / 1e9).toFixed(4))
  const cov = statistics?.coefficientOfVariation
  return [
    flowCount,
    rounds,
    statistics?.n ?? 0,
    gbps(statistics?.mean),
    gbps(statistics?.interval?.lower),
    gbps(statistics?.interval?.upper),
    cov === undefined || cov === null ? '' : cov.toFixed(4),
    gbps(statistics?.median),
    gbps(statistics?.min),
    gbps(statistics?.max),
  ].join(',')
}

/**
 * Reads a table of rounds, ours or the replaced tool's.
 * @param source names it in messages
 * @throws UsageError naming the line that is not one of such a table
 */
export function parseRounds(text: string, source: string): Figure[] {
  const [header = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  if (header.trim() !== roundColumns) {
    throw new UsageError(
      `${source}: the first line is not "${roundColumns}": name a CSV file of \`dpbench flow\``,
    )
  }
  return lines.flatMap((line, index): Figure[] => {
    if (line.trim() === '') return []
    const [, flows, round, mbps] = /^(\d+),(\d+),(\d+(?:\.\d+)?)?,(?:\d+(?:\.\d+)?)?$/.exec(line.trim()) ?? []
    if (flows === undefined || round === undefined) {
      throw new UsageError(
        `${source}:${index + 2}: "${line}" is not a round: write flow count, round, Mbps, Gbps`,
      )
    }
    const bitsPerSecond = mbps === undefined ? undefined : Number(mbps) * 1e6
    return [{ flowCount: Number(flows), round: Number(round), bitsPerSecond }]
  })
}
