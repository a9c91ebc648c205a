import { describe, expect, test } from 'vitest'
import { judge, nextStep } from '../../src/verdict/decide.ts'
import { decidingTail } from '../../src/verdict/looks.ts'
import type { Verdict } from '../../src/verdict/verdict.ts'
import { planFor, profile, sampleOf, samplesOf } from './fixtures.ts'

const quick = { ...profile, name: 'quick', repetitions: { min: 3, max: 5 }, maxCov: 0.1 }

function sentence(step: 'again' | Verdict): string {
  return step === 'again' ? step : step.sentence
}

describe('verdicts and their sentences', () => {
  test('PASS', () => {
    // The sentence of MEASUREMENT.md, to the letter.
    const samples = samplesOf(9.282, 9.282, 9.41, 9.41, 9.538, 9.538)
    const verdict = nextStep(samples, planFor(8))
    expect(sentence(verdict)).toBe(
      '9.41 ± 0.12 Gbit/s ≥ 8 expected (non-offload, remote_vm2vm): +17.6 %, n=6, CoV 1.2 %',
    )
    expect(verdict).toMatchObject({ state: 'PASS', rule: 'interval', notes: [] })
  })

  test('FAIL', () => {
    expect(sentence(nextStep(samplesOf(7.1, 7.2, 7.15, 7.2, 7.1, 7.15), planFor(8)))).toBe(
      '7.150 ± 0.047 Gbit/s < 8 expected (non-offload, remote_vm2vm): -10.6 %, n=6, CoV 0.6 %',
    )
  })

  test('better never fails', () => {
    expect(nextStep(samplesOf(90, 90, 91, 90, 89, 90), planFor(8))).toMatchObject({ state: 'PASS' })
  })

  test('UNSTABLE, undecided after the most repetitions', () => {
    const samples = samplesOf(8.1, 7.9, 8.2, 7.8, 8.1, 7.9, 8.2, 7.8, 8.1, 7.95)
    expect(nextStep(samples.slice(0, 9), planFor(8))).toBe('again')
    const verdict = nextStep(samples, planFor(8))
    expect(verdict).toMatchObject({ state: 'UNSTABLE', reasons: [{ rule: 'undecided' }] })
    expect(sentence(verdict)).toBe(
      '8.01 ± 0.11 Gbit/s against 8 expected (non-offload, remote_vm2vm): +0.1 %, n=10, CoV 1.9 %; unstable: ' +
        'the interval holds the expected 8 Gbit/s after 10 repetitions: measure longer, or quieten the machines',
    )
  })

  test('UNSTABLE, spread too wide though the interval decides', () => {
    const samples = samplesOf(20, 22, 18, 24, 16, 20, 22, 18, 24, 16)
    expect(nextStep(samples.slice(0, 9), planFor(8))).toBe('again')
    expect(nextStep(samples, planFor(8))).toMatchObject({ state: 'UNSTABLE', reasons: [{ rule: 'spread' }] })
  })

  test('INVALID at once, with the reason, and never PASS', () => {
    const bad = sampleOf(20, {
      repetition: 2,
      restarts: [{ machine: 'hypervisor-1', what: 'container dpservice', detail: 'it exited with 137' }],
    })
    const verdict = nextStep([sampleOf(20), bad], planFor(8))
    expect(verdict).toMatchObject({
      state: 'INVALID',
      reasons: [{ rule: 'restarted', machine: 'hypervisor-1' }],
    })
    expect(sentence(verdict)).toBe(
      'no valid figure against 8 expected (non-offload, remote_vm2vm), n=2: ' +
        'repetition 2: container dpservice on hypervisor-1 restarted while measuring: it exited with 137',
    )
  })

  test('nothing measured is INVALID when judged, and a reason to measure', () => {
    expect(nextStep([], planFor(8))).toBe('again')
    expect(judge([], planFor(8))).toMatchObject({ state: 'INVALID', reasons: [{ rule: 'no-sample' }] })
  })

  test('without modes the sentence names the threshold alone', () => {
    const verdict = judge(samplesOf(9, 9.1, 9, 9, 9.1, 9), planFor(8, { mode: undefined }))
    expect(verdict.sentence).toContain('≥ 8 expected (remote_vm2vm)')
  })

  test('small figures keep their digits', () => {
    const verdict = judge(samplesOf(0.371, 0.369, 0.372, 0.37, 0.371, 0.37), planFor(0.35))
    expect(verdict.sentence).toMatch(/^0\.3705 ± 0\.0011 Gbit\/s ≥ 0\.35 expected/)
  })
})

describe('repeating', () => {
  test('at least the fewest, even when the first are clear', () => {
    expect(nextStep(samplesOf(20, 20.1, 19.9, 20, 20.1), planFor(8))).toBe('again')
    expect(nextStep(samplesOf(20, 20.1, 19.9, 20, 20.1, 20), planFor(8))).toMatchObject({ state: 'PASS' })
  })

  test('a close case goes on where a clear one ends', () => {
    const close = samplesOf(8.2, 8.05, 8.15, 8.1, 8.0, 8.1)
    expect(nextStep(close, planFor(8))).toBe('again')
    expect(nextStep(close, planFor(7))).toMatchObject({ state: 'PASS' })
  })

  test('with as many repetitions as at least and at most, the plain 95 % interval decides', () => {
    const once = planFor(8, { profile: { ...profile, repetitions: { min: 6, max: 6 } } })
    const close = samplesOf(8.2, 8.05, 8.15, 8.1, 8.02, 8.1)
    expect(judge(close, once)).toMatchObject({ state: 'PASS' })
    expect(decidingTail(6, { min: 6, max: 6 })).toBe(0.025)
  })

  test('too close after several looks is UNSTABLE, and the sentence says why', () => {
    // The plain interval just excludes 8; the one that the last of five looks needs does not.
    const values = [8.2, 8.05, 8.15, 8.1, 8.02, 8.1, 7.9, 8.1, 8.2, 7.995]
    const verdict = nextStep(samplesOf(...values), planFor(8.013))
    expect(verdict).toMatchObject({ state: 'UNSTABLE' })
    expect(sentence(verdict)).toContain('too close: looked at after each of 6 to 10 repetitions')
    expect(sentence(verdict)).toContain('96 %')
  })

  test('all looks together spend 2.5 % on each side', () => {
    for (const repetitions of [
      { min: 3, max: 5 },
      { min: 6, max: 10 },
      { min: 10, max: 20 },
      { min: 1, max: 4 },
    ]) {
      const first = Math.max(2, repetitions.min)
      const looks = Array.from({ length: repetitions.max - first + 1 }, (_, index) => first + index)
      const spent = looks.reduce((sum, n) => sum + decidingTail(n, repetitions), 0)
      expect(spent).toBeCloseTo(0.025, 12)
    }
  })

  test('one repetition decides nothing, and says so', () => {
    const single = planFor(8, { profile: { ...profile, repetitions: { min: 1, max: 1 } } })
    const verdict = nextStep(samplesOf(9), single)
    expect(verdict).toMatchObject({ state: 'UNSTABLE', notes: ['one repetition: there is no interval'] })
    expect(sentence(verdict)).toContain('9.00 Gbit/s against 8 expected')
    expect(sentence(verdict)).toContain('n=1, no CoV')
    expect(nextStep(samplesOf(9), planFor(8, { profile: quick }))).toBe('again')
  })

  test('repetitions without any spread decide, and a note wonders', () => {
    const verdict = nextStep(samplesOf(8, 8, 8), planFor(8, { profile: quick }))
    expect(verdict).toMatchObject({ state: 'PASS' })
    expect(sentence(verdict)).toBe(
      '8.00 ± 0.00 Gbit/s ≥ 8 expected (non-offload, remote_vm2vm): +0.0 %, n=3, CoV 0.0 %',
    )
    expect(verdict === 'again' ? [] : verdict.notes).toEqual([
      'all 3 repetitions gave the same figure, which chance rarely does',
    ])
  })
})

describe('the rule mean', () => {
  const plan = planFor(8, { rule: 'mean', profile: quick })

  test('compares the mean alone after the fewest repetitions, whatever the spread', () => {
    expect(nextStep(samplesOf(6, 11), plan)).toBe('again')
    expect(nextStep(samplesOf(6, 11, 7), plan)).toMatchObject({ state: 'PASS', rule: 'mean' })
    expect(nextStep(samplesOf(6, 11, 6), plan)).toMatchObject({ state: 'FAIL', rule: 'mean' })
  })

  test('knows INVALID as well', () => {
    expect(nextStep([sampleOf(9, { gap: 0.5 })], plan)).toMatchObject({ state: 'INVALID' })
  })
})

test('notes: outliers, an unproven mode, an unknown ceiling, rough start times; each said once', () => {
  const changes = {
    modeEvidence: { state: 'unknown', detail: 'no counters' },
    ceiling: { state: 'unknown', reason: "the link's speed is unknown" },
    window: { ...sampleOf(9).window, startUncertaintyMs: 1000 },
    mssAsked: 1448,
  } as const
  const samples = [9.4, 9.41, 9.4, 9.39, 9.4, 8.6].map((gbit, index) =>
    sampleOf(gbit, { ...changes, repetition: index + 1 }),
  )
  expect(judge(samples, planFor(8)).notes).toEqual([
    expect.stringMatching(/^outlier, kept: repetition 6 with 8\.60 Gbit\/s \(modified z-score -\d+\.\d\)$/),
    'start times of the flows are known to 1000 ms only',
    'mode non-offload not proven: no counters',
    "ceiling unknown: the link's speed is unknown",
  ])
})
