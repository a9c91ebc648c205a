/** Writes what the bench came to into docs/reliability.md, a row per property, and says it on the terminal. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Reporter, TestCase } from 'vitest/node'
import { machine } from '../../../bench/circumstances.ts'
import { type Row, withRows } from './table.ts'
import type { PropertyFigures } from './property.ts'

export const reliabilityPage = join(import.meta.dirname, '../../../docs/reliability.md')

export default class ReliabilityReporter implements Reporter {
  private written = 0

  /** As soon as it is known: the whole bench takes hours, and what ends it early takes none of it back. */
  onTestCaseResult(test: TestCase): void {
    const figures = figuresOf(test)
    if (figures === undefined) return
    const { property, tried, counted, faults, seed, size } = figures
    process.stdout.write(
      `${faults.length === 0 ? '✓' : '✖'} ${property}: ${tried} ${counted}, ${faults.length} faults (seed ${seed})\n`,
    )
    if (size !== 'whole' || process.env['DPBENCH_FAULTS_ONLY'] !== undefined) return
    const date = new Date().toISOString().slice(0, 10)
    const row: Row = { ...figures, faults: faults.length, date, machine: machine() }
    writeFileSync(reliabilityPage, withRows(readFileSync(reliabilityPage, 'utf8'), [row]))
    this.written += 1
  }

  onTestRunEnd(): void {
    if (this.written > 0) process.stdout.write(`${this.written} rows of docs/reliability.md written\n`)
  }
}

/** A property that ended before it told its figures failed, and keeps its row of before. */
function figuresOf(test: TestCase): PropertyFigures | undefined {
  return test.meta().reliability
}
