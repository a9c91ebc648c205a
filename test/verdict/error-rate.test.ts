/** How often the judge is wrong, on made noise. The seeds are fixed: the figures are the same on every machine. */
import { describe, expect, test, vi } from 'vitest'
import { nextStep } from '../../src/verdict/decide.ts'
import { summarise } from '../../src/verdict/statistics.ts'
import type { Sample } from '../../src/verdict/sample.ts'
import type { MeasurementProfile } from '../../src/verdict/verdict.ts'
import { normalNoise, planFor, profile, sampleOf } from './fixtures.ts'

const profiles: readonly MeasurementProfile[] = [
  { ...profile, name: 'quick', repetitions: { min: 3, max: 5 }, maxCov: 0.1 },
  profile,
  { ...profile, name: 'release', repetitions: { min: 10, max: 20 }, maxCov: 0.03 },
]
vi.setConfig({ testTimeout: 120_000 })

const manyRuns = 20_000
const fewRuns = 2000

/** The share of runs that end with each verdict, and how many repetitions they took. */
function simulate(used: MeasurementProfile, trueMean: number, cov: number, seed: number, runs: number) {
  const noise = normalNoise(seed)
  const counts = { PASS: 0, FAIL: 0, UNSTABLE: 0, INVALID: 0 }
  let repetitions = 0
  const plan = planFor(10, { profile: used })
  for (let run = 0; run < runs; run++) {
    const samples: Sample[] = []
    let step = nextStep(samples, plan)
    for (; step === 'again'; step = nextStep(samples, plan)) {
      samples.push(sampleOf(trueMean * (1 + cov * noise()), { repetition: samples.length + 1 }))
    }
    counts[step.state]++
    repetitions += samples.length
  }
  return {
    pass: counts.PASS / runs,
    fail: counts.FAIL / runs,
    unstable: counts.UNSTABLE / runs,
    repetitions: repetitions / runs,
  }
}

describe.for(profiles)('profile $name', (used) => {
  test('at the very edge, at most 2.5 % are called FAIL, and 2.5 % PASS', () => {
    // True mean = expected: a PASS by definition, and the limit of what is a FAIL.
    const { pass, fail } = simulate(used, 10, 0.02, 11, manyRuns)
    expect(fail).toBeLessThanOrEqual(0.025)
    expect(pass).toBeLessThanOrEqual(0.025)
  })

  test('a clear case is decided rightly and soon', () => {
    const good = simulate(used, 12.5, 0.01, 12, fewRuns)
    const bad = simulate(used, 8, 0.01, 13, fewRuns)
    expect(good).toMatchObject({ pass: 1, fail: 0 })
    expect(bad).toMatchObject({ pass: 0, fail: 1 })
    expect(good.repetitions).toBeLessThan(used.repetitions.min + 0.25)
  })

  test('a wide spread is UNSTABLE, not a verdict', () => {
    expect(simulate(used, 14, 0.3, 14, fewRuns).unstable).toBeGreaterThan(0.85)
  })
})

test('the plain interval, looked at after each of 6 to 10 repetitions, would be wrong far more often', () => {
  const noise = normalNoise(15)
  let wrong = 0
  for (let run = 0; run < manyRuns; run++) {
    const values = Array.from({ length: 10 }, () => 10 * (1 + 0.02 * noise()))
    const looks = [6, 7, 8, 9, 10].map((n) => summarise(values.slice(0, n)).interval?.upper ?? Infinity)
    if (looks.some((upper) => upper < 10)) wrong++
  }
  expect(wrong / manyRuns).toBeGreaterThan(0.05)
})

test('the printed interval holds the true mean in 95 % of runs', () => {
  const noise = normalNoise(16)
  let held = 0
  for (let run = 0; run < manyRuns; run++) {
    const { interval } = summarise(Array.from({ length: 6 }, () => 10 + noise()))
    if (interval && interval.lower <= 10 && interval.upper >= 10) held++
  }
  expect(held / manyRuns).toBeGreaterThan(0.94)
  expect(held / manyRuns).toBeLessThan(0.96)
})
