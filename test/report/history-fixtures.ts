/** Runs of many days for the tests of a history. */
import { type RunEntry, entryOf } from '../../src/report/history.ts'
import { RunRecorder } from '../../src/report/recorder.ts'
import type { RunRecord } from '../../src/report/record.ts'
import { type flow, normalNoise, samplesOf } from '../verdict/fixtures.ts'
import { entry, judged, start } from './fixtures.ts'

const noise = normalNoise(41)
const figuresAround = (gbit: number): number[] =>
  Array.from({ length: 6 }, () => gbit * (1 + 0.005 * noise()))

interface Changes {
  readonly image?: string
  readonly tests?: number
  readonly flows?: ReturnType<typeof flow>[]
}

/** The run of a day, with figures around the same in every test. */
export function runOn(
  day: number,
  gbit: number,
  { image = 'dpservice:1', tests = 1, flows }: Changes = {},
): RunRecord {
  const startedAt = new Date(Date.UTC(2026, 6, day, 2)).toISOString()
  const recorder = new RunRecorder({ ...start, runId: `run-${day}`, startedAt })
  recorder.dataPlane({ machine: 'hypervisor-1', image, digest: 'sha256:ab' })
  for (let index = 1; index <= tests; index++) {
    const figures = figuresAround(gbit)
    const repetitions = samplesOf(...figures).map((sample) => ({ ...sample, ...(flows && { flows }) }))
    recorder.test(entry(judged(figures, 5, 'offload'), { name: `test ${index}`, repetitions }))
  }
  return recorder.finish(new Date(startedAt))
}

/** 30 days; with another image from the 16th on it is slower. */
export function slowFrom15(): RunEntry[] {
  return Array.from({ length: 30 }, (_, index) =>
    entryOf(index < 15 ? runOn(index + 1, 9.4) : runOn(index + 1, 8.5, { image: 'dpservice:2' })),
  )
}
