/** `dpbench flow`: throughput of flows between two machines, without suites and thresholds. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { loadConfig } from '../src/config/index.ts'
import { ExitCode, UsageError, describeError } from '../src/core/errors.ts'
import { defaultControlPort } from '../src/flow/by-hand/messages.ts'
import { openByHand } from '../src/flow/by-hand/client.ts'
import { serveByHand } from '../src/flow/by-hand/server.ts'
import { FlowFiles, describeRound, figureOf, refuseSummary, writeSummary } from '../src/flow/files.ts'
import { secretsIn, textWithoutSecrets } from '../src/report/secrets.ts'
import { troubleRecorder } from '../src/vitest/flight.ts'
import { type OpenPath, openMachines } from '../src/flow/machines.ts'
import { measureFlows } from '../src/flow/measure.ts'
import { type FlowPlan, bitsPerSecondOf } from '../src/flow/plan.ts'
import { flowsOf, summariseFlows, summaryLine } from '../src/flow/summary.ts'
import { parseRounds } from '../src/flow/tables.ts'
import { Values, byHandOptions, planOf, planOptions, prefixOf } from './flow-options.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions } from './options.ts'
import { progress, untilSignal } from './terminal.ts'

const betweenOptions: readonly OptionSpec[] = [
  { name: 'from', value: 'MACHINE', help: 'sends; a VM or hypervisor of the config (required)' },
  { name: 'to', value: 'MACHINE', help: 'receives (required)' },
  ...planOptions,
  { name: 'family', value: 'ipv4|ipv6', help: 'which address of the receiver; default: ipv4' },
  {
    name: 'address',
    value: 'ADDRESS',
    help: 'another address to connect to, a NAT or load balancer for instance',
  },
  {
    name: 'mode',
    value: 'offload|non-offload',
    help: 'deploy the data plane for this measurement, and remove it; without it nothing is changed',
  },
  { name: 'docker-image', value: 'REF', help: "with --mode; default: the config's default_dpservice_image" },
  {
    name: 'env-config-file',
    value: 'FILE',
    help: 'default: config/test_configurations.json, else the running lab',
  },
  { name: 'env-config-name', value: 'NAME', help: 'which config of a file that holds several' },
]
const serverOptions = [
  ...byHandOptions,
  { name: 'flow-count', value: 'N', help: 'the most flows that a client may ask for; default: 256' },
]
const clientOptions = [...byHandOptions, ...planOptions]
const aggregateOptions = planOptions.filter(({ name }) => name === 'output-file-prefix')

export const flowHelp = `dpbench flow --from MACHINE --to MACHINE [options]
dpbench flow server --server-ip ADDRESS [options]
dpbench flow client --server-ip ADDRESS [options]
dpbench flow aggregate FILE.csv… [options]

Measures TCP flows with iperf3: each round sums what the receivers got while all flows ran together. A flow that
fails makes its round INVALID: no figure, an empty cell in the table, exit code 3.

Between two machines of the config, over SSH:
${helpOf(betweenOptions)}

By hand, on the two machines themselves; the server serves one client and ends:
${helpOf(clientOptions)}
  server: --server-ip, --control-port, --wait, and --flow-count N, the most flows that a client may ask for

aggregate sums up tables of earlier calls (also the replaced tool's) by flow count, and plots them.

Files: PREFIX_<flows>_<rounds>.txt and .csv, PREFIX_summary.txt and .csv, PREFIX.svg, PREFIX_raw/ with iperf3's
own output; PREFIX.csv with all rounds where there are several flow counts. docs/flow.md says more.`

export async function flow(argv: readonly string[]): Promise<number> {
  const [action, ...rest] = argv
  if (action === 'server') return server(rest)
  if (action === 'client') return client(rest)
  if (action === 'aggregate') return aggregate(rest)
  return between(argv)
}

function between(argv: readonly string[]): Promise<number> {
  const values = valuesOf(argv, betweenOptions, 'flow')
  const from = values.required('from', 'vm3')
  const to = values.required('to', 'vm1')
  const family = values.oneOf('family', ['ipv4', 'ipv6'])
  const mode = values.oneOf('mode', ['offload', 'non-offload'])
  const [address, image] = [values.text('address'), values.text('docker-image')]
  if (address !== undefined) values.address('address')
  if (image !== undefined && mode === undefined)
    values.faults.push('--docker-image deploys a data plane, and needs --mode offload or non-offload')
  const plan = planOf(values)
  values.settle()
  const prefix = prefixOf(values)
  const files = new FlowFiles(prefix, plan)
  return untilSignal(async (signal) => {
    const config = await loadConfig({
      file: values.text('env-config-file') ?? process.env['DPBENCH_ENV_CONFIG_FILE'],
      name: values.text('env-config-name') ?? process.env['DPBENCH_ENV_CONFIG_NAME'],
    })
    const chosen = image ?? process.env['DPBENCH_DOCKER_IMAGE'] ?? config.defaultDpserviceImage
    if (mode && chosen === undefined)
      throw new UsageError('no dpservice image: give --docker-image <reference>')
    const runId = newRunId()
    const opened = await openMachines({
      config,
      from,
      to,
      family: family ?? (address?.includes(':') ? 'ipv6' : 'ipv4'),
      address,
      deploy: mode && { mode, image: chosen! },
      runId,
      log: progress,
      keepLog: (log) => files.storeLog({ ...log, text: textWithoutSecrets(log.text, secretsIn(config)) }),
      onTrouble: troubleRecorder({ log: progress }, () => ({
        config,
        runId,
        mode: mode ?? 'plain',
        resultsFolder: `${prefix}_raw`,
      })),
      signal,
    })
    return measure({ opened, plan, files, prefix, runId, title: `${from} → ${to}` }, signal)
  })
}

function client(argv: readonly string[]): Promise<number> {
  const values = valuesOf(argv, clientOptions, 'flow client')
  const address = values.address('server-ip')
  const controlPort = values.whole('control-port', defaultControlPort, 65_535)
  const waitSeconds = values.whole('wait', 60, 86_400)
  const plan = planOf(values)
  values.settle()
  const prefix = prefixOf(values)
  const files = new FlowFiles(prefix, plan)
  return untilSignal(async (signal) => {
    const opened = await openByHand({ address, controlPort, waitSeconds, signal })
    const title = `${hostname()} → ${opened.path.to.name}`
    return measure({ opened, plan, files, prefix, runId: newRunId(), title }, signal)
  })
}

function server(argv: readonly string[]): Promise<number> {
  const values = valuesOf(argv, serverOptions, 'flow server')
  const address = values.address('server-ip')
  const controlPort = values.whole('control-port', defaultControlPort, 65_535)
  const waitSeconds = values.whole('wait', 300, 86_400)
  const mostFlows = values.whole('flow-count', 256, 256)
  values.settle()
  return untilSignal(async (signal) => {
    await serveByHand({ address, controlPort, mostFlows, waitSeconds, log: progress, signal })
    return ExitCode.passed
  })
}

async function aggregate(argv: readonly string[]): Promise<number> {
  const { values: given, rest: files } = takeOptions(argv, aggregateOptions)
  refuseUnknown(files, aggregateOptions)
  if (files.length === 0)
    throw new UsageError('no table is named: write dpbench flow aggregate x_1_5.csv x_2_5.csv')
  const prefix = prefixOf(new Values(given))
  refuseSummary(prefix)
  const tables = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, 'utf8').catch((error: unknown) => {
        throw new UsageError(`${file} cannot be read (${describeError(error)})`)
      })
      return parseRounds(text, file)
    }),
  )
  const figures = tables.flat()
  if (figures.length === 0) throw new UsageError(`no round is in ${files.join(', ')}`)
  const written = await writeSummary(prefix, 'Throughput by number of flows', figures, true)
  for (const each of summariseFlows(figures)) print(summaryLine(each))
  print(`written: ${written.join('  ')}`)
  return figures.some(({ bitsPerSecond }) => bitsPerSecond === undefined)
    ? ExitCode.infrastructure
    : ExitCode.passed
}

interface Measurement {
  readonly opened: OpenPath
  readonly plan: FlowPlan
  readonly files: FlowFiles
  readonly prefix: string
  readonly runId: string
  readonly title: string
}

async function measure(
  { opened, plan, files, prefix, runId, title }: Measurement,
  signal: AbortSignal,
): Promise<number> {
  await using open = opened
  const severalRounds = plan.flowCounts.length > 1
  progress(`${title}: ${plan.rounds} × ${plan.runSeconds} s of ${plan.flowCounts.map(flowsOf).join(', ')}`)
  const rounds = await measureFlows(open.path, plan, {
    runId,
    signal,
    onRaw: (flowCount, round, raw) => files.storeRaw(flowCount, round, raw),
    async onRound(round) {
      await files.add(round)
      print(`${severalRounds ? `${flowsOf(round.flowCount)}: ` : ''}${describeRound(round)}`)
    },
  })
  const figures = rounds.map(figureOf)
  const heading =
    [`Throughput by number of flows, ${title}`, open.dataplane].filter(Boolean).join(' (') +
    (open.dataplane && ')')
  const written = await writeSummary(prefix, heading, figures, severalRounds)
  for (const each of summariseFlows(figures)) print(summaryLine(each))
  print(`written: ${written.join('  ')}`)
  const invalid = rounds.filter((round) => bitsPerSecondOf(round) === undefined).length
  if (invalid === 0) return ExitCode.passed
  process.stderr.write(`dpbench: ${invalid} of ${rounds.length} rounds are INVALID and have no figure\n`)
  return ExitCode.infrastructure
}

function valuesOf(argv: readonly string[], specs: readonly OptionSpec[], command: string): Values {
  const { values, rest } = takeOptions(argv, specs)
  refuseUnknown(rest, specs)
  if (rest.length > 0) throw new UsageError(`dpbench ${command} takes no ${rest.join(' ')}`)
  return new Values(values)
}

function newRunId(): string {
  return `flow-${Date.now().toString(36)}-${randomBytes(2).toString('hex')}`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
