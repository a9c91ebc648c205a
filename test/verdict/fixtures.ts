/** Samples, plans and noise for the tests of the judge. */
import type { FlowSample, MeasuredFlows, Sample, SampleProvenance } from '../../src/verdict/sample.ts'
import type { JudgePlan, MeasurementProfile } from '../../src/verdict/verdict.ts'

export const profile: MeasurementProfile = {
  name: 'default',
  keptSeconds: 30,
  warmUpSeconds: 5,
  warmDownSeconds: 2,
  repetitions: { min: 6, max: 10 },
  gapSeconds: 5,
  maxCov: 0.05,
  onUnprovenMode: 'note',
}

export function planFor(expectedGbit: number, changes: Partial<JudgePlan> = {}): JudgePlan {
  const expected = { bitsPerSecond: expectedGbit * 1e9, key: 'remote_vm2vm' }
  return { profile, expected, mode: 'non-offload', ...changes }
}

export type MeasuredSample = SampleProvenance & MeasuredFlows

export function flow(name: string, bitsPerSecond: number, changes: Partial<FlowSample> = {}): FlowSample {
  const side = {
    version: 'iperf 3.12',
    bytes: (bitsPerSecond / 8) * 30,
    bitsPerSecond,
    coveredSeconds: 30,
    emptyIntervals: [],
    intervals: [[0, 37, (bitsPerSecond / 8) * 37]] as const,
  }
  return { name, from: 'vm3', to: 'vm1', faults: [], sender: side, receiver: side, mss: 1448, ...changes }
}

/** A sound sample of three flows. */
export function sampleOf(gbit: number, changes: Partial<MeasuredSample> = {}): MeasuredSample {
  const bitsPerSecond = gbit * 1e9
  const figure = { bytes: (bitsPerSecond / 8) * 30, bitsPerSecond }
  return {
    repetition: 1,
    startedAt: '2026-11-21T02:00:00.000Z',
    tool: 'iperf 3.12',
    flowsAsked: 3,
    modeEvidence: { state: 'proven', detail: '99 % of 1000 packets were in software', softwareShare: 0.99 },
    state: 'measured',
    flows: [1, 2, 3].map((index) => flow(`flow ${index}`, bitsPerSecond / 3)),
    window: { startMs: 5000, seconds: 30, keptSeconds: 30, overlap: 1, startUncertaintyMs: 0 },
    receiver: figure,
    sender: figure,
    gap: 0,
    ...changes,
  }
}

export function samplesOf(...gbits: readonly number[]): Sample[] {
  return gbits.map((gbit, index) => sampleOf(gbit, { repetition: index + 1 }))
}

/** Uniform noise between 0 and 1 from a seed: mulberry32, a public-domain generator of 32 bits. */
export function uniformNoise(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 4294967296
  }
}

/** Normal noise from a seed: the Box-Muller transform. */
export function normalNoise(seed: number): () => number {
  const uniform = uniformNoise(seed)
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}
