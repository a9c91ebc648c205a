/** A run as large as they get: many scenarios, two modes, every interval, counters and a timeline. Made from a seed. */
import type { MachineCounters } from '../../src/verdict/counters.ts'
import { judge } from '../../src/verdict/decide.ts'
import type { FlowSide } from '../../src/verdict/sample.ts'
import type { StepRecord } from '../../src/report/step-schema.ts'
import { RunRecorder } from '../../src/report/recorder.ts'
import type { RunRecord } from '../../src/report/record.ts'
import { type MeasuredSample, flow, normalNoise, planFor, sampleOf } from '../verdict/fixtures.ts'
import { entry, start } from './fixtures.ts'

export interface Size {
  readonly scenarios: number
  readonly repetitions: number
  readonly flows: number
  readonly cores: number
  readonly steps: number
}

/** The default profile at its most: 30 s kept of 37 s, ten times. */
export const largest: Size = { scenarios: 12, repetitions: 10, flows: 3, cores: 16, steps: 6_000 }

const begin = Date.parse(start.startedAt)
const seconds = 37

export function largeRecord(size: Size = largest, seed = 1): RunRecord {
  const noise = normalNoise(seed)
  const recorder = new RunRecorder({ ...start, runId: `${start.runId}-${seed}` })
  let at = begin + 20_000
  for (const [mode, gbit] of [
    ['offload', 9],
    ['non-offload', 3],
  ] as const) {
    for (let scenario = 1; scenario <= size.scenarios; scenario++) {
      const startedAt = at
      const repetitions = Array.from({ length: size.repetitions }, (_, index) => {
        const sample = sampleAt(at, index + 1, gbit * (1 + 0.01 * noise()), size, noise)
        at += (seconds + 5) * 1000
        return sample
      })
      recorder.test(
        entry(
          { state: 'judged', verdict: judge(repetitions, planFor(gbit * 0.9, { mode })) },
          {
            name: `scenario ${scenario}`,
            mode,
            startedAt: new Date(startedAt).toISOString(),
            durationMs: at - startedAt,
            repetitions,
          },
        ),
      )
    }
  }
  recorder.step(...stepsUntil(at, size.steps, noise))
  return recorder.finish(new Date(at))
}

function sampleAt(
  at: number,
  repetition: number,
  gbit: number,
  size: Size,
  noise: () => number,
): MeasuredSample {
  const machines = ['vm3', 'vm1', 'hypervisor-2', 'hypervisor-1']
  return sampleOf(gbit, {
    repetition,
    startedAt: new Date(at).toISOString(),
    flowsAsked: size.flows,
    flows: Array.from({ length: size.flows }, (_, index) => {
      const side = sideOf((gbit * 1e9) / size.flows, noise)
      return flow(`flow ${index + 1}`, side.bitsPerSecond, { sender: side, receiver: side, retransmits: 3 })
    }),
    window: { startMs: at + 5000, seconds: 30, keptSeconds: 30, overlap: 1, startUncertaintyMs: 1 },
    ceiling: { state: 'known', bitsPerSecond: 9.4e9, basis: '94.15 % of 10 Gbit/s (MTU 1500, ipv4)' },
    counters: machines.map((machine) => countersOf(machine, at, size.cores, noise)),
  })
}

function sideOf(bitsPerSecond: number, noise: () => number): FlowSide {
  return {
    version: 'iperf 3.12',
    bytes: (bitsPerSecond / 8) * 30,
    bitsPerSecond,
    coveredSeconds: 30,
    emptyIntervals: [],
    intervals: Array.from({ length: seconds }, (_, index) => [
      index,
      index + 1,
      Math.round((bitsPerSecond / 8) * (1 + 0.05 * noise())),
    ]),
  }
}

function countersOf(machine: string, at: number, cores: number, noise: () => number): MachineCounters {
  const share = (mean: number): number =>
    Math.round(Math.min(1, Math.max(0, mean + 0.05 * noise())) * 1e4) / 1e4
  return {
    machine,
    role: machine.startsWith('vm') ? 'guest' : 'hypervisor',
    seconds,
    cores: Array.from({ length: cores }, (_, core) => {
      const busy = share(core === 0 ? 0.9 : 0.2)
      return { core, busy, user: busy * 0.2, system: busy * 0.5, softirq: busy * 0.3, steal: 0 }
    }),
    interfaces: [
      {
        name: 'ens4',
        receivedBytes: 3e9,
        receivedPackets: 2e6,
        receiveDropped: 0,
        receiveErrors: 0,
        sentBytes: 1e7,
        sentPackets: 1e5,
        sendDropped: 0,
        sendErrors: 0,
      },
    ],
    tcp: { segmentsSent: 2_000_000, segmentsRetransmitted: 12 },
    cpuSeries: {
      startMs: at,
      points: Array.from({ length: seconds }, (_, index) => [
        index + 1,
        ...Array.from({ length: cores }, () => share(0.4)),
      ]),
    },
  }
}

function stepsUntil(end: number, count: number, noise: () => number): StepRecord[] {
  const machines = ['controller', 'hypervisor-1', 'hypervisor-2', 'vm1', 'vm2', 'vm3']
  return Array.from({ length: count }, (_, index) => ({
    machine: machines[index % machines.length]!,
    kind: index % 40 === 0 ? 'phase' : index % 7 === 0 ? 'docker' : 'command',
    name: `ip -json address show dev ens${index % 9}`,
    startedAt: new Date(begin + ((end - begin) * index) / count).toISOString(),
    durationMs: Math.abs(400 * noise()) + 20,
    outcome: index % 500 === 499 ? 'failed' : 'ok',
    exitStatus: index % 500 === 499 ? 1 : 0,
    output: `line of output ${index}\n`.repeat(20),
  }))
}
