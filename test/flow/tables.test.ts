/** The flow tool's tables, sums and plot, from rounds. */
import { XMLValidator } from 'fast-xml-parser'
import { describe, expect, test } from 'vitest'
import { plotFlows } from '../../src/flow/plot.ts'
import { type Figure, summariseFlows, summaryLine } from '../../src/flow/summary.ts'
import { parseRounds, roundLine, roundRow, summaryRow } from '../../src/flow/tables.ts'

const figures: readonly Figure[] = [
  { flowCount: 2, round: 1, bitsPerSecond: 9.41e9 },
  { flowCount: 2, round: 2, bitsPerSecond: undefined },
  { flowCount: 2, round: 3, bitsPerSecond: 9.43e9 },
  { flowCount: 1, round: 1, bitsPerSecond: 5e9 },
]

describe('a round', () => {
  test('is a row and a line as the replaced tool has them', () => {
    expect(roundRow(figures[0]!)).toBe('2,1,9410.00,9.410')
    expect(roundLine(figures[0]!, [])).toBe(
      'Round 1: Total aggregated throughput: 9410.00 Mbits/sec (9.410 Gbits/sec)',
    )
  })

  test('without a figure has empty cells, and is never 0', () => {
    expect(roundRow(figures[1]!)).toBe('2,2,,')
    expect(roundLine(figures[1]!, ['flow 2 (a → b): refused'])).toBe(
      'Round 2: INVALID: flow 2 (a → b): refused',
    )
  })

  test('is read back, from a table of ours or of the replaced tool', () => {
    const header = 'Flow Count,Round Number,Throughput Mbps,Throughput Gbps'
    const text = `${[header, ...figures.map(roundRow)].join('\r\n')}\r\n`
    expect(parseRounds(text, 'x.csv')).toEqual(figures)
    expect(() => parseRounds('a,b\n1,2', 'x.csv')).toThrow('x.csv: the first line is not')
    expect(() => parseRounds(`${header}\n1,1,fast,`, 'x.csv')).toThrow('x.csv:2: "1,1,fast,"')
  })
})

describe('sums by flow count', () => {
  const summaries = summariseFlows(figures)

  test('are ordered, and of the valid rounds alone, which are counted', () => {
    expect(summaries.map(summaryLine)).toEqual([
      '1 flow: 5.00 Gbit/s, no CoV, 1 of 1 rounds valid',
      '2 flows: 9.42 ± 0.13 Gbit/s (95 % interval of the mean), CoV 0.2 %, 2 of 3 rounds valid',
    ])
    expect(summaries.map(summaryRow)).toEqual([
      '1,1,1,5.0000,,,,5.0000,5.0000,5.0000',
      '2,3,2,9.4200,9.2929,9.5471,0.0015,9.4200,9.4100,9.4300',
    ])
  })

  test('of nothing but invalid rounds have no figure', () => {
    const [none] = summariseFlows([figures[1]!])
    expect(summaryLine(none!)).toBe('2 flows: no figure, 0 of 1 rounds valid')
    expect(summaryRow(none!)).toBe('2,1,0,,,,,,,')
  })

  test('are plotted in one SVG that needs no other file and says in words what it shows', () => {
    const svg = plotFlows('a <b> → "c"', figures, summaries)
    expect(XMLValidator.validate(svg)).toBe(true)
    expect(svg).toContain('2 (1 INVALID)')
    expect(svg).toContain('aria-label="a &lt;b> → &quot;c&quot;. 1 flow: 5.00 Gbit/s')
    expect(svg).not.toMatch(/href="http|<image|@import|<script/)
    // a dot per valid round of each count and a whisker of three lines for the one interval
    expect(svg.match(/#8a8f98/g)!.length).toBeGreaterThanOrEqual(3)
    expect(svg.match(/stroke="#1f5fa8"/g)!.length).toBeGreaterThanOrEqual(3)
  })
})
