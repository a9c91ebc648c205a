/**
 * The memory of a runner that counts on many hosts for an hour, at accelerated time: everything that a run does with samples is
 * the product's own code (samplers, counting, step log, recorder, record, reports); only the hosts are made up. Started by the part
 * `memory` with `--expose-gc`: hosts, seconds, folder. Prints one JSON document.
 */
import { mkdir } from 'node:fs/promises'
import { keepHeapSmall } from '../src/core/small-heap.ts'
import { StepRecorder } from '../src/report/step-recorder.ts'
import { stepLog, takeSteps } from '../src/report/step-log.ts'
import { RunRecorder } from '../src/report/recorder.ts'
import { writeRecord, writeReports } from '../src/report/results-folder.ts'
import { judge } from '../src/verdict/decide.ts'
import { type CountedMachine, MeasurementCounting } from '../src/vitest/counting.ts'
import { entry, start } from '../test/report/fixtures.ts'
import { type MeasuredSample, flow, planFor, sampleOf } from '../test/verdict/fixtures.ts'
import { MadeUpHost } from './made-up-host.ts'

/** One repetition of the default profile, and how many a scenario has at the most. */
const repetitionSeconds = 37
const repetitionsOfTest = 10
const stepsOfRepetition = 60

export interface MemoryResult {
  readonly repetitions: number
  readonly hosts: number
  /** After the garbage collector, by the share of the time that is over: `[0.1, megabytes]`. */
  readonly heap: readonly (readonly [share: number, megabytes: number])[]
  /** The most that the process ever had in memory, its programs too, until its reports were written. */
  readonly peakMegabytes: number
  /** Of what was done with the samples and the record, without the loading of programs. */
  readonly cpuSeconds: number
}

const [hosts = 32, seconds = 3600] = process.argv.slice(2, 4).map(Number)
const folder = process.argv[4]!
keepHeapSmall() // as the plugin does
await import('vitest/node') // what the runner has loaded in any case
await mkdir(folder, { recursive: true })

const loaded = process.cpuUsage()
const repetitions = Math.round(seconds / repetitionSeconds)
const machines = Array.from({ length: hosts }, (_, index): CountedMachine => {
  const host = new MadeUpHost(index, repetitionSeconds)
  return { name: host.name, role: index % 2 ? 'guest' : 'hypervisor', ends: ['sender'], ssh: host }
})
const recorder = new RunRecorder({ ...start, runId: 'memory' })
const steps = new StepRecorder({ secrets: [], mode: 'offload', write: stepLog(folder, 'offload', lost) })
const counting = new MeasurementCounting(machines, repetitionSeconds)
const heap: [number, number][] = []
let samples: MeasuredSample[] = []
for (let number = 1; number <= repetitions; number++) {
  samples.push(await repetition(number))
  if (samples.length === repetitionsOfTest || number === repetitions) await endTest(number)
  const tenth = Math.floor((number * 10) / repetitions)
  if (tenth > heap.length) heap.push([tenth / 10, heapMegabytes()])
}
recorder.step(...(await takeSteps(folder)))
await writeReports(folder, recorder.finish())
const { user, system } = process.cpuUsage(loaded)
const result: MemoryResult = {
  repetitions,
  hosts,
  heap,
  peakMegabytes: process.resourceUsage().maxRSS / 1024,
  cpuSeconds: (user + system) / 1e6,
}
process.stdout.write(`${JSON.stringify(result)}\n`)

async function repetition(number: number): Promise<MeasuredSample> {
  for (let step = 0; step < stepsOfRepetition; step++) {
    const end = steps.observe({ machine: `host-${step % hosts}`, kind: 'command', name: `step ${step}` })
    end({ outcome: 'ok', exitStatus: 0, output: 'a line of output\n'.repeat(20) })
  }
  const begun = await counting.begin(new AbortController().signal)
  const counted = await begun.end()
  if (counted.counters?.length !== hosts)
    throw new Error(counted.countersMissing?.join('; ') ?? 'no counters')
  const intervals = Array.from(
    { length: repetitionSeconds },
    (_, at) => [at, at + 1, 1e9 + number + at] as const,
  )
  const side = {
    version: 'iperf 3.12',
    bytes: 3e10,
    bitsPerSecond: 8e9,
    coveredSeconds: 30,
    emptyIntervals: [],
    intervals: intervals.map((each) => [...each] as [number, number, number]),
  }
  return sampleOf(8, {
    repetition: number,
    flows: [1, 2, 3].map((each) =>
      flow(`flow ${each}`, 8e9, { sender: side, receiver: side, retransmits: 3 }),
    ),
    ...counted,
  })
}

async function endTest(number: number): Promise<void> {
  const verdict = judge(samples, planFor(7, { mode: 'offload' }))
  recorder.test(
    entry(
      { state: 'judged', verdict },
      { name: `scenario ${number}`, mode: 'offload', repetitions: samples },
    ),
  )
  samples = []
  await writeRecord(folder, recorder.snapshot())
}

function heapMegabytes(): number {
  if (!globalThis.gc) throw new Error('start it with --expose-gc')
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}

function lost(sentence: string): void {
  throw new Error(sentence)
}
