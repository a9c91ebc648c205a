/**
 * What counting costs: `node test/counters-cost.ts [config file] [pairs] [times]`, on a running lab by default. While flows run from
 * one hypervisor to the other, counting is switched on and off in turns (on, off, off, on), so that what else the machine does is
 * in both alike. As the cost of a point a second is below what a shared machine lets be seen, `times` as many are taken, and the
 * loss is divided by that. Prints the ratio of the throughputs with its 95 % interval, and the CPU time that a sampler takes. No
 * test: its figures depend on what else the machine does. All machines must share one clock, as a lab's do.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { loadConfig } from '../src/config/index.ts'
import { Environment } from '../src/environment/environment.ts'
import type { VirtualMachine } from '../src/machine/virtual-machine.ts'
import { samplingCommand } from '../src/machine/counters/script.ts'
import { flowInputs } from '../src/traffic/iperf3/flow-inputs.ts'
import { runIperf3 } from '../src/traffic/iperf3/run.ts'
import { alignFlows } from '../src/traffic/iperf3/window.ts'
import { serversOn } from '../src/traffic/server-end.ts'
import { intervalOfMean, summarise } from '../src/verdict/statistics.ts'
import { type CountedMachine, MeasurementCounting, machinesOf } from '../src/vitest/counting.ts'

/** Until the flows have come up to speed; then how long counting is on, or off. */
const leadSeconds = 4
const blockSeconds = 3
/** On both sides of a block: its readings are over, and the clocks' differences in one machine are far below it. */
const settleMs = 500
const [file, pairsAsked = '25', timesAsked = '25'] = process.argv.slice(2)
const [pairs, times] = [Number(pairsAsked), Number(timesAsked)]
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const config = await loadConfig({ file })
const folder = await mkdtemp(join(tmpdir(), 'dpbench-cost-'))
const cancelled = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => cancelled.abort())
try {
  const runId = `cost-${process.pid}`
  const environment = await Environment.open({
    config,
    mode: 'offload',
    image: config.defaultDpserviceImage!,
    runId,
    folder,
    log: say,
    keepLog: () => Promise.resolve(),
    signal: cancelled.signal,
  })
  try {
    await measure(environment, runId)
  } finally {
    await environment[Symbol.asyncDispose]()
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
const [readings, withSeries] = [await samplerCpu(0), await samplerCpu(10)]
const perSecond = ((withSeries - readings) / 10) * 1000
say(
  `a sampler takes ${(readings * 1000).toFixed(0)} ms of CPU time for its two readings, ${perSecond.toFixed(2)} ms for each second between`,
)

async function measure(environment: Environment, runId: string): Promise<void> {
  const vms = [...environment.vms.values()]
  const to = vms[0]!
  const from = vms.find((vm) => vm.hypervisor !== to.hypervisor)!
  await environment.dataplane.route(from, to)
  const address = to.overlayAddress('ipv4')
  const flows = { from, to: serversOn(to), address, family: 'ipv4', flows: 3, runId } as const
  const seconds = leadSeconds + 2 * pairs * blockSeconds + 2
  const running = runIperf3({ ...flows, seconds }, cancelled.signal)
  const blocks = await switched(from, to)
  const window = { warmUpSeconds: 0, keptSeconds: seconds, warmDownSeconds: 0 }
  const aligned = alignFlows(flowInputs(await running, { from: from.name, to: to.name }), window)
  if (aligned.state !== 'measured') throw new Error(aligned.faults.join('; '))
  const received = aligned.flows.flatMap(({ receiver }) => receiver!.intervals)
  const figures = blocks.map(({ counted, fromMs, toMs }) => {
    const [begin, end] = [fromMs, toMs].map((ms) => (ms - aligned.window.startMs) / 1000)
    const inside = received.map((interval) => bytesWithin(interval, begin!, end!))
    return { counted, gbits: (inside.reduce((sum, bytes) => sum + bytes, 0) * 8) / (end! - begin!) / 1e9 }
  })
  const ratios = Array.from({ length: pairs }, (_, pair) => {
    const [first, second] = figures.slice(2 * pair, 2 * pair + 2)
    const [counted, plain] = first!.counted ? [first!, second!] : [second!, first!]
    say(`pair ${pair + 1}: ${counted.gbits.toFixed(2)} with, ${plain.gbits.toFixed(2)} Gbit/s without`)
    return Math.log(counted.gbits / plain.gbits)
  })
  const { mean, standardDeviation, n } = summarise(ratios)
  const { lower, upper } = intervalOfMean(mean, standardDeviation, n, 0.025)!
  const percent = (log: number): string => `${(Math.exp(log) * 100).toFixed(2)} %`
  say(
    `with counting ${times} times a second, throughput is ${percent(mean)} of that without;` +
      ` 95 % interval ${percent(lower)} to ${percent(upper)}, n=${n} pairs`,
  )
  const ofOne = (log: number): string => `${(((1 - Math.exp(log)) / times) * 100).toFixed(2)} %`
  say(
    `so counting once a second costs ${ofOne(mean)} of it; 95 % interval ${ofOne(upper)} to ${ofOne(lower)}`,
  )
}

interface Block {
  readonly counted: boolean
  readonly fromMs: number
  readonly toMs: number
}

/** Switches the counting on and off. A block is what is left when the switching is over: readings lie outside the flows in a run. */
async function switched(from: VirtualMachine, to: VirtualMachine): Promise<Block[]> {
  const machines = machinesOf(from, [to]).map((machine) => ({ ...machine, ssh: oftener(machine.ssh) }))
  const counting = new MeasurementCounting(machines, blockSeconds * times)
  const blocks: Block[] = []
  await delay(leadSeconds * 1000, undefined, { signal: cancelled.signal })
  let next = Date.now()
  for (let block = 0; block < 2 * pairs; block++) {
    const counted = block % 4 === 0 || block % 4 === 3
    next += blockSeconds * 1000
    const begun = counted ? await counting.begin(cancelled.signal) : undefined
    await delay(settleMs)
    const fromMs = Date.now()
    await delay(Math.max(0, next - settleMs - fromMs), undefined, { signal: cancelled.signal })
    blocks.push({ counted, fromMs, toMs: Date.now() })
    const seen = await begun?.end()
    if (seen?.countersMissing) throw new Error(seen.countersMissing.join('; '))
  }
  return blocks
}

/** The same sampler, with `times` as many points a second. */
function oftener(ssh: CountedMachine['ssh']): CountedMachine['ssh'] {
  const [once, often] = ['read -r -t 1 ', `read -r -t ${1 / times} `]
  return {
    tryRun: (argv, options) =>
      ssh.tryRun(
        argv.map((word) => word.replace(once, often)),
        options,
      ),
  }
}

/** Of an interval's bytes, as many as its share of the stretch. */
function bytesWithin(
  [start, end, bytes]: readonly [number, number, number],
  from: number,
  to: number,
): number {
  const overlap = Math.min(end, to) - Math.max(start, from)
  return overlap > 0 ? (bytes * overlap) / (end - start) : 0
}

/** CPU seconds, user and system, of one sampler with everything that it starts. */
async function samplerCpu(seconds: number): Promise<number> {
  const [shell = '', ...sampling] = samplingCommand(Math.max(1, seconds))
  const timed = ['-c', 'TIMEFORMAT="cpu %U %S"; time "$@" > /dev/null', 'bash', shell, ...sampling]
  const child = spawn('bash', timed, { stdio: ['pipe', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const ended = once(child, 'close')
  await delay(seconds * 1000)
  child.stdin.end()
  await ended
  const [, user, system] = /cpu ([\d.]+) ([\d.]+)/.exec(text) ?? []
  return Number(user) + Number(system)
}
