/** The files of one call of the flow tool. What was there before is never overwritten. */
import { existsSync } from 'node:fs'
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { KeptLog } from '../core/kept-log.ts'
import { UsageError } from '../core/errors.ts'
import { rawFiles } from '../traffic/iperf3/flow-inputs.ts'
import type { Iperf3RawFlow } from '../traffic/iperf3/run.ts'
import { type FlowPlan, type Round, bitsPerSecondOf } from './plan.ts'
import { plotFlows } from './plot.ts'
import { type Figure, summariseFlows, summaryLine } from './summary.ts'
import { roundColumns, roundLine, roundRow, summaryColumns, summaryRow } from './tables.ts'

export function figureOf(round: Round): Figure {
  return { flowCount: round.flowCount, round: round.round, bitsPerSecond: bitsPerSecondOf(round) }
}

/** A round in one line. */
export function describeRound(round: Round): string {
  return roundLine(
    figureOf(round),
    round.reasons.map(({ message }) => message.replace(/^repetition \d+: /, '')),
  )
}

/** Text and table per flow count, written round by round; the raw outputs beside them. */
export class FlowFiles {
  private readonly prefix: string
  private readonly plan: FlowPlan

  /** @throws UsageError when one of them is there already */
  constructor(prefix: string, plan: FlowPlan) {
    this.prefix = prefix
    this.plan = plan
    const perCount = plan.flowCounts.flatMap((count) => [this.path(count, 'txt'), this.path(count, 'csv')])
    refuseExisting([...perCount, this.rawFolder, ...summaryFiles(prefix, plan.flowCounts.length > 1)])
  }

  async storeRaw(flowCount: number, round: number, raw: readonly Iperf3RawFlow[]): Promise<void> {
    await mkdir(this.rawFolder, { recursive: true })
    for (const [name, content] of rawFiles(raw, `flows-${flowCount}-round-${round}`))
      await writeFile(join(this.rawFolder, name), content, { flag: 'wx' })
  }

  async storeLog({ machine, kind, text }: KeptLog): Promise<void> {
    await mkdir(this.rawFolder, { recursive: true })
    await writeFile(join(this.rawFolder, `${machine}-${kind}.log`), text)
  }

  async add(round: Round): Promise<void> {
    const [text, table] = [this.path(round.flowCount, 'txt'), this.path(round.flowCount, 'csv')]
    if (round.round === 1) {
      await mkdir(dirname(text), { recursive: true })
      await writeFile(table, `${roundColumns}\n`, { flag: 'wx' })
    }
    await appendFile(text, `${describeRound(round)}\n`)
    await appendFile(table, `${roundRow(figureOf(round))}\n`)
  }

  private path(flowCount: number, ending: string): string {
    return `${this.prefix}_${flowCount}_${this.plan.rounds}.${ending}`
  }

  private get rawFolder(): string {
    return `${this.prefix}_raw`
  }
}

function summaryFiles(prefix: string, withRounds: boolean): string[] {
  const all = [`${prefix}_summary.txt`, `${prefix}_summary.csv`, `${prefix}.svg`]
  return withRounds ? [...all, `${prefix}.csv`] : all
}

/**
 * Writes the sums by flow count as text and table, and the plot; with `withRounds` also all rounds in one table.
 * @returns what was written
 */
export async function writeSummary(
  prefix: string,
  title: string,
  figures: readonly Figure[],
  withRounds: boolean,
): Promise<string[]> {
  const summaries = summariseFlows(figures)
  const rows = figures.toSorted((a, b) => a.flowCount - b.flowCount).map(roundRow)
  const contents = [
    summaries.map(summaryLine),
    [summaryColumns, ...summaries.map(summaryRow)],
    [plotFlows(title, figures, summaries).trimEnd()],
    [roundColumns, ...rows],
  ]
  const files = summaryFiles(prefix, withRounds)
  for (const [index, file] of files.entries()) await writeFile(file, `${contents[index]!.join('\n')}\n`)
  return files
}

/** @throws UsageError */
export function refuseSummary(prefix: string): void {
  refuseExisting(summaryFiles(prefix, true))
}

function refuseExisting(files: readonly string[]): void {
  const there = files.filter((file) => existsSync(file))
  if (there.length === 0) return
  throw new UsageError(
    `${there.join(', ')}: there already, and nothing is overwritten; give another --output-file-prefix`,
  )
}
