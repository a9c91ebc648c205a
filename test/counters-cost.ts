/**
 * What counting costs: `node test/counters-cost.ts [config file] [pairs]`, on a running lab by default. Repetitions with and without
 * counting take turns (ABBA), so that a drift of the machine is in both. Prints the ratio of their throughputs with its 95 %
 * interval, and the CPU time that the sampler itself takes. No test: its figures depend on what else the machine does.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { loadConfig } from '../src/config/index.ts'
import { Environment } from '../src/environment/environment.ts'
import { samplingCommand } from '../src/machine/counters/script.ts'
import { flowInputs } from '../src/traffic/iperf3/flow-inputs.ts'
import { runIperf3 } from '../src/traffic/iperf3/run.ts'
import { alignFlows, runSeconds } from '../src/traffic/iperf3/window.ts'
import { serversOn } from '../src/traffic/server-end.ts'
import { intervalOfMean, summarise } from '../src/verdict/statistics.ts'
import { MeasurementCounting, machinesOf } from '../src/vitest/counting.ts'

const plan = { warmUpSeconds: 0, keptSeconds: 2, warmDownSeconds: 0 }
const [file, pairsAsked = '24'] = process.argv.slice(2)
const pairs = Number(pairsAsked)
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
  const counting = new MeasurementCounting(machinesOf(from, [to]), runSeconds(plan))
  const repetition = async (counted: boolean): Promise<number> => {
    const begun = counted ? await counting.begin(cancelled.signal) : undefined
    const address = to.overlayAddress('ipv4')
    const flows = { from, to: serversOn(to), address, family: 'ipv4', flows: 3, runId } as const
    const raw = await runIperf3({ ...flows, seconds: runSeconds(plan) }, cancelled.signal)
    const seen = await begun?.end()
    if (seen?.countersMissing) throw new Error(seen.countersMissing.join('; '))
    const aligned = alignFlows(flowInputs(raw, { from: from.name, to: to.name }), plan)
    if (aligned.state !== 'measured') throw new Error(aligned.faults.join('; '))
    return aligned.receiver.bitsPerSecond
  }
  await repetition(true)
  const ratios: number[] = []
  for (let pair = 0; pair < pairs; pair++) {
    const countedFirst = pair % 2 === 0
    const [first, second] = [await repetition(countedFirst), await repetition(!countedFirst)]
    const [counted, plain] = countedFirst ? [first, second] : [second, first]
    ratios.push(Math.log(counted / plain))
    say(`pair ${pair + 1}: ${(counted / 1e9).toFixed(2)} with, ${(plain / 1e9).toFixed(2)} Gbit/s without`)
  }
  const { mean, standardDeviation, n } = summarise(ratios)
  const { lower, upper } = intervalOfMean(mean, standardDeviation, n, 0.025)!
  const percent = (log: number): string => `${(Math.exp(log) * 100).toFixed(2)} %`
  say(
    `with counting, throughput is ${percent(mean)} of that without; 95 % interval ${percent(lower)} to ${percent(upper)}, n=${n} pairs`,
  )
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
