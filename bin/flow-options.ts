/** The options of `dpbench flow`: names and defaults as in the tool that it replaces. */
import { isIP } from 'node:net'
import { UsageError } from '../src/core/errors.ts'
import type { FlowPlan } from '../src/flow/plan.ts'
import type { OptionSpec, OptionValues } from './options.ts'

export const planOptions: readonly OptionSpec[] = [
  {
    name: 'flow-count',
    value: 'N[,N…]',
    help: 'flows at the same time; several counts are measured in turn; default: 1',
  },
  {
    name: 'run-time',
    value: 'SECONDS',
    help: 'what counts of each round, which lasts 3 s longer; default: 10',
  },
  { name: 'round-count', value: 'N', help: 'rounds of each flow count; default: 1' },
  {
    name: 'payload-length',
    value: 'BYTES',
    help: "TCP's maximum segment size, checked in the sender's kernel; default: the kernel's own",
  },
  { name: 'output-file-prefix', value: 'PATH', help: 'of the files that are written; default: flow_<time>' },
  { name: 'port', value: 'PORT', help: "iperf3's first port; each flow takes the next; default: 5201" },
]

export const byHandOptions: readonly OptionSpec[] = [
  { name: 'server-ip', value: 'ADDRESS', help: 'where the server listens (required)' },
  { name: 'control-port', value: 'PORT', help: 'where the two ends talk to each other; default: 50007' },
  {
    name: 'wait',
    value: 'SECONDS',
    help: 'how long to wait for the other end; default: 300 (server), 60 (client)',
  },
]

/** Takes values apart and gathers what is wrong with them. */
export class Values {
  readonly #values: OptionValues
  readonly faults: string[] = []

  constructor(values: OptionValues) {
    this.#values = values
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  required(name: string, example: string): string {
    const value = this.text(name)
    if (value === undefined) this.faults.push(`--${name} is missing: write --${name} ${example}`)
    return value ?? ''
  }

  address(name: string): string {
    const value = this.required(name, '192.168.129.5')
    if (value !== '' && isIP(value) === 0)
      this.faults.push(`--${name} is "${value}": write an IPv4 or IPv6 address`)
    return value
  }

  whole(name: string, otherwise: number, most: number, least = 1): number {
    const value = this.text(name)
    if (value === undefined) return otherwise
    const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN
    if (number >= least && number <= most) return number
    this.faults.push(`--${name} is "${value}": write a whole number, ${least} to ${most}`)
    return otherwise
  }

  oneOf<const T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.text(name)
    const found = choices.find((choice) => choice === value)
    if (value !== undefined && found === undefined)
      this.faults.push(`--${name} is "${value}": write ${choices.join(' or ')}`)
    return found
  }

  /** @throws UsageError with all that was wrong */
  settle(): void {
    if (this.faults.length > 0) throw new UsageError(this.faults.join('\n'))
  }
}

const mostFlows = 256

export function planOf(values: Values): FlowPlan {
  const counts = (values.text('flow-count') ?? '1').split(',').map((each) => each.trim())
  const wrong = counts.filter((each) => !/^\d+$/.test(each) || Number(each) < 1 || Number(each) > mostFlows)
  if (wrong.length > 0)
    values.faults.push(
      `--flow-count has "${wrong.join('", "')}": write whole numbers, 1 to ${mostFlows}, as in 1,2,4,8`,
    )
  if (new Set(counts.map(Number)).size < counts.length)
    values.faults.push('--flow-count has a number twice: write each once')
  // the replaced tool's default is -1: no segment size is asked for
  const payload = values.whole('payload-length', -1, 9216, -1)
  if (payload >= 0 && payload < 88)
    // and iperf3 none above 9216
    values.faults.push(`--payload-length is ${payload}: Linux takes no segment size below 88`)
  const firstPort = values.whole('port', 5201, 65_535)
  if (firstPort + Math.max(...counts.map(Number)) - 1 > 65_535)
    values.faults.push(`--port ${firstPort} leaves too few ports for the flows: write a lower one`)
  return {
    flowCounts: counts.map(Number),
    runSeconds: values.whole('run-time', 10, 86_000),
    rounds: values.whole('round-count', 1, 10_000),
    mss: payload < 0 ? undefined : payload,
    firstPort,
  }
}

/** `flow_20261121-062310`, in the folder where the command was typed. */
export function prefixOf(values: Values): string {
  const time = new Date()
    .toISOString()
    .replaceAll(/[-:]|\.\d+Z$/g, '')
    .replace('T', '-')
  return values.text('output-file-prefix') ?? `flow_${time}`
}
