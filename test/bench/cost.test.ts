import { expect, test } from 'vitest'
import { MadeUpHost } from '../../bench/made-up-host.ts'
import { agreementOf } from '../../bench/parts/figures.ts'
import { spentBeyondWindows } from '../../bench/timeline.ts'
import type { RunRecord } from '../../src/report/record.ts'
import { MeasurementCounting } from '../../src/vitest/counting.ts'
import { fullRecord } from '../report/fixtures.ts'
import { samplesOf } from '../verdict/fixtures.ts'

const begin = Date.parse('2026-11-21T02:00:00Z')
const place = { suite: 'vm2vm', name: 'IPv4' }

function step(name: string, from: number, to: number, during?: typeof place): RunRecord['steps'][number] {
  return {
    machine: 'controller',
    kind: 'phase',
    name,
    startedAt: new Date(begin + from * 1000).toISOString(),
    durationMs: (to - from) * 1000,
    outcome: 'ok',
    ...(during && { test: during }),
  }
}

const opened = step('open the environment', 1, 6)
const closed = step('close the environment', 30, 33)
const repetitions = [step('repetition 1', 7, 16, place), step('repetition 2', 17, 26.5, place)]

/** Two repetitions of 8 s with a pause of 1 s, between the fourth second after the opening and the fourth before the closing. */
function run(steps: RunRecord['steps']): RunRecord {
  const record = fullRecord()
  const profile = { ...record.profile, keptSeconds: 5, warmUpSeconds: 2, warmDownSeconds: 1, gapSeconds: 1 }
  const measured = { ...record.tests[0]!, ...place, repetitions: samplesOf(9, 9) }
  return { ...record, profile, steps, tests: [measured, { ...measured, name: 'skipped', repetitions: [] }] }
}

test('what a run takes beyond its windows is of the scenarios or of the mode, and nothing is lost', () => {
  const spent = spentBeyondWindows(run([opened, ...repetitions, closed]), 40)
  expect(spent.scenarioSeconds).toEqual([19.5 - 17])
  expect(spent.meanScenarioSeconds).toBe(24 - 17)
  expect(spent.modeSeconds).toBe(40 - 24)
  expect(spent.modeSeconds + spent.meanScenarioSeconds + 17).toBe(40)
  expect(spent.phases).toEqual([
    ['open the environment', 5],
    ['close the environment', 3],
  ])
})

test('a run that cannot be told apart, or measured nothing, gives no figure', () => {
  expect(() => spentBeyondWindows(run([opened, opened, closed]), 40)).toThrow(/one mode is needed/)
  expect(() => spentBeyondWindows(run([opened, closed]), 40)).toThrow(/has no step of "IPv4"/)
  const nothing = run([opened, closed])
  expect(() => spentBeyondWindows({ ...nothing, tests: [] }, 40)).toThrow(/measured nothing/)
})

test('pairs that differ by chance have no bias, and those that differ alike have one', () => {
  const hand = [8, 9, 8.5, 9.5, 8.2, 9.1, 8.8, 8.4, 9.3, 8.9]
  const noise = [0.01, -0.012, 0.004, -0.003, 0.008, -0.009, 0.002, -0.001, 0.006, -0.005]
  const fair = agreementOf(
    hand.map((value, pair) => value * (1 + noise[pair]!)),
    hand,
  )
  expect(fair.apartPercent).toBeLessThan(0.2)
  expect(fair.standardErrors).toBeLessThan(fair.mostByChance)
  expect(fair.mostByChance).toBeCloseTo(2.262, 3) // Student's t for nine degrees of freedom
  const low = agreementOf(
    hand.map((value, pair) => value * (0.985 + noise[pair]!)),
    hand,
  )
  expect(low.apartPercent).toBeCloseTo(1.5, 0)
  expect(low.standardErrors).toBeGreaterThan(low.mostByChance)
  expect(() => agreementOf([1], [1])).toThrow(RangeError)
})

test("a host that is made up is counted by the product's own sampler", async () => {
  const host = new MadeUpHost(1, 10)
  const machine = { name: host.name, role: 'guest', ends: ['sender'], ssh: host } as const
  const begun = await new MeasurementCounting([machine], 10).begin(new AbortController().signal)
  const { counters, countersMissing } = await begun.end()
  expect(countersMissing).toBeUndefined()
  expect(counters![0]!.cpuSeries!.points).toHaveLength(11) // the last reading is one too
  expect(counters![0]!.cores).toHaveLength(8)
  for (const { busy } of counters![0]!.cores) expect(busy).toBeCloseTo(0.6, 1)
})
