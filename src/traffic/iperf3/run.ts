/**
 * One repetition of iperf3 between two VMs: one-off servers, one per flow on ports of their own; readiness seen with
 * `ss`, never by connecting; the clients started together; both ends' outputs brought back whole, unjudged.
 */
import { MeasurementError } from '../../core/errors.ts'
import type { CommandResult } from '../../core/command-result.ts'
import { waitFor } from '../../core/wait.ts'
import { runVariable } from '../../machine/marked-processes.ts'
import type { Family, VirtualMachine } from '../../machine/virtual-machine.ts'
import { quoteArg, shell } from '../../core/shell-quote.ts'
import { type ProcessOutput, parseFrames } from './frames.ts'

export interface Iperf3Flows {
  readonly from: VirtualMachine
  readonly to: VirtualMachine
  readonly family: Family
  /** Client processes, each with a server of its own: iperf3 before 3.16 has one thread per process. */
  readonly flows: number
  /** How long each client sends. */
  readonly seconds: number
  /** The servers' ports are this one and the next. Default 5201. */
  readonly firstPort?: number | undefined
  /** The address to connect to. Default: the receiver's in the overlay. */
  readonly address?: string | undefined
  /** The run that the processes are marked with. */
  readonly runId: string
}

export interface Iperf3RawFlow {
  readonly name: string
  readonly port: number
  readonly client: ProcessOutput
  readonly server: ProcessOutput
}

const connectTimeoutMs = 5000
/** What clients may take beyond the time they send: to connect, to exchange results on an emulated CPU. */
const clientMarginMs = 30_000
/** How long a server may go on once all clients have ended. */
const serverGraceMs = 5000

/**
 * Runs the flows and returns what each process wrote, however it ended.
 * @throws MeasurementError when a port is taken or a server does not come to listen; ConnectionError
 */
export async function runIperf3(flows: Iperf3Flows, signal?: AbortSignal): Promise<Iperf3RawFlow[]> {
  const first = flows.firstPort ?? 5201
  const ports = Array.from({ length: flows.flows }, (_, index) => first + index)
  await refuseBusyPorts(flows.to, ports)
  const stopServers = new AbortController()
  const serversSignal = signal ? AbortSignal.any([signal, stopServers.signal]) : stopServers.signal
  const totalMs = flows.seconds * 1000 + clientMarginMs
  const serving = flows.to.ssh.tryRun(serverScript(flows, ports), {
    timeoutMs: totalMs + 60_000,
    signal: serversSignal,
  })
  serving.catch(() => undefined) // awaited below; a failure before that must not end the process
  let clients: CommandResult
  try {
    await listening(flows.to, ports, serving, signal)
    clients = await flows.from.ssh.tryRun(clientScript(flows, ports), { timeoutMs: totalMs, signal })
  } catch (error) {
    stopServers.abort()
    await serving.catch(() => undefined)
    throw error
  }
  const grace = setTimeout(() => stopServers.abort(), serverGraceMs)
  const servers = await serving
  clearTimeout(grace)
  signal?.throwIfAborted()
  const ofClients = parseFrames(clients)
  const ofServers = parseFrames(servers)
  return ports.map((port, index) => ({
    name: `flow ${index + 1}`,
    port,
    client: ofClients.get(port) ?? lost(clients),
    server: ofServers.get(port) ?? lost(servers),
  }))
}

async function refuseBusyPorts(vm: VirtualMachine, ports: readonly number[]): Promise<void> {
  const taken = (await listeningPorts(vm)).intersection(new Set(ports))
  if (taken.size === 0) return
  throw new MeasurementError(
    `${vm.name}: port ${[...taken].join(', ')} is taken; dpbench ends no process that it did not start: ` +
      `see who listens with \`ss -ltnp\` on ${vm.name}`,
  )
}

async function listeningPorts(vm: VirtualMachine): Promise<Set<number>> {
  const { stdout } = await vm.ssh.run(['ss', '-Hltn'])
  const local = stdout.split('\n').map((line) => line.trim().split(/\s+/)[3] ?? '')
  return new Set(local.map((address) => Number(address.slice(address.lastIndexOf(':') + 1))))
}

async function listening(
  vm: VirtualMachine,
  ports: readonly number[],
  serving: Promise<CommandResult>,
  signal: AbortSignal | undefined,
): Promise<void> {
  let ended: CommandResult | undefined
  void serving.then((result) => (ended = result)).catch(() => undefined)
  await waitFor(
    async () => {
      if (ended) return { state: 'failed', reason: `it ended: ${firstError(ended)}` }
      const missing = new Set(ports).difference(await listeningPorts(vm))
      if (missing.size === 0) return { state: 'ready', value: undefined }
      return { state: 'pending', seen: `nobody listens on ${[...missing].join(', ')}` }
    },
    { what: `iperf3 on ${vm.name} to listen`, timeoutMs: 20_000, signal },
  )
}

function firstError(result: CommandResult): string {
  const frames = [...parseFrames(result).values()]
  return frames.map((frame) => frame.stderr.trim()).find(Boolean) ?? (result.stderr.trim() || 'no output')
}

function lost(result: CommandResult): ProcessOutput {
  const why = result.timedOut ? 'it ran out of its deadline and was killed' : 'nothing of it came back'
  return {
    exitCode: null,
    stdout: '',
    stderr: `${why} ${result.stderr.trim()}`.trim(),
    launchedAtMs: undefined,
  }
}

function serverScript(flows: Iperf3Flows, ports: readonly number[]): string[] {
  const idle = String(Math.ceil(flows.seconds + 60))
  const run = `iperf3 -s -1 -J -i 1 -p "$p" --idle-timeout ${idle}`
  return shell(processesScript(run, flows.runId), ...ports.map(String))
}

function clientScript(flows: Iperf3Flows, ports: readonly number[]): string[] {
  const family = flows.family === 'ipv4' ? '-4' : '-6'
  const address = flows.address ?? flows.to.overlayAddress(flows.family)
  const run = `iperf3 ${family} -c "$a" -p "$p" -t ${flows.seconds} -i 1 -J --connect-timeout ${connectTimeoutMs}`
  return shell(`a=$1; shift; ${processesScript(run, flows.runId)}`, address, ...ports.map(String))
}

/**
 * Starts `run` once per argument `$p` at the same time, waits for all, and writes each one's exit status, launch time
 * and output in frames. SIGTERM ends the processes (the group gets it too), and the frames are still written.
 */
function processesScript(run: string, runId: string): string {
  return [
    'd=$(mktemp -d) || exit 1',
    `trap 'rm -rf "$d"' EXIT`,
    `trap ':' TERM INT HUP`,
    `export LC_ALL=C ${runVariable}=${quoteArg(runId)}`,
    `for p in "$@"; do { date +%s%N > "$d/$p.at"; ${run} > "$d/$p.out" 2> "$d/$p.err"; echo $? > "$d/$p.status"; } & done`,
    'until wait; do :; done', // a trapped signal interrupts it
    'for p in "$@"; do for f in at status out err; do ' +
      '[ -f "$d/$p.$f" ] || : > "$d/$p.$f"; printf "%s %s %s\\n" "$p" "$f" "$(wc -c < "$d/$p.$f")"; cat "$d/$p.$f"; done; done',
  ].join('\n')
}
