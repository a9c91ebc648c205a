/** Writes what the bench came to into docs/reliability.md, a row per property, and says it on the terminal. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { machine } from '../../../bench/circumstances.ts'
import { type Row, withRows } from './table.ts'
import type { PropertyFigures } from './property.ts'

export const reliabilityPage = join(import.meta.dirname, '../../../docs/reliability.md')

export default class ReliabilityReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const found = modules.flatMap((module) => [...module.children.allTests()].flatMap(figuresOf))
    for (const { property, tried, counted, faults, seed } of found)
      process.stdout.write(
        `${faults.length === 0 ? '✓' : '✖'} ${property}: ${tried} ${counted}, ${faults.length} faults (seed ${seed})\n`,
      )
    const whole = found.filter(({ size }) => size === 'whole')
    if (whole.length === 0) return
    const date = new Date().toISOString().slice(0, 10)
    const rows = whole.map((figures): Row => ({
      ...figures,
      faults: figures.faults.length,
      date,
      machine: machine(),
    }))
    writeFileSync(reliabilityPage, withRows(readFileSync(reliabilityPage, 'utf8'), rows))
    process.stdout.write(`${rows.length} rows of docs/reliability.md written\n`)
  }
}

/** A property that ended before it told its figures failed, and keeps its row of before. */
function figuresOf(test: TestCase): PropertyFigures[] {
  const { reliability } = test.meta()
  return reliability === undefined ? [] : [reliability]
}
