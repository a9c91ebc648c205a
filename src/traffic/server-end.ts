/**
 * The end that traffic goes to: servers of a tool, started, seen listening with `ss` and never by connecting (a connection
 * would occupy the server), and brought back with what they wrote.
 */
import { MeasurementError } from '../core/errors.ts'
import type { CommandResult } from '../core/command-result.ts'
import { waitFor } from '../core/wait.ts'
import type { TrafficEnd } from '../machine/traffic-end.ts'
import { type ProcessOutput, parseFrames } from './frames.ts'
import { type PortCommand, outputsOf, processesScript, processesStep } from './processes.ts'

export interface ServerOrder {
  /** What the servers are, for messages: `iperf3`. */
  readonly tool: string
  readonly commands: readonly PortCommand[]
  /** What they are to be seen listening with. */
  readonly transport: 'tcp' | 'udp'
  /** From the start to the end of the last client: after it they are ended. */
  readonly deadlineMs: number
  /** The run that the processes are marked with. */
  readonly runId: string
  /** The tool never ends by itself: it is ended when none of its connections is open, and not waited for at its end. */
  readonly endless?: boolean
}

/** Servers that listen. */
export interface Serving {
  /**
   * What each wrote, by port, once the clients have ended: servers that do not end by themselves within `graceMs` are
   * ended.
   */
  finish(graceMs: number): Promise<ReadonlyMap<number, ProcessOutput>>
  /** Ends them at once, whatever they do. */
  stop(): Promise<void>
}

/** A machine that servers run on, however they are started there. */
export interface ServerEnd {
  readonly name: string
  /**
   * Resolves when all servers listen.
   * @throws MeasurementError when a port is taken; WaitError when a server does not come to listen; ConnectionError
   */
  serve(order: ServerOrder, signal?: AbortSignal): Promise<Serving>
}

/** Servers on a machine that commands can be run on. */
export function serversOn(machine: TrafficEnd): ServerEnd {
  return { name: machine.name, serve: (order, signal) => serveOn(machine, order, signal) }
}

async function serveOn(machine: TrafficEnd, order: ServerOrder, signal?: AbortSignal): Promise<Serving> {
  const ports = order.commands.map(({ port }) => port)
  await refuseBusyPorts(machine, order, ports)
  const stopServers = new AbortController()
  const running = machine.ssh.tryRun(processesScript(order.commands, order.runId, order.endless), {
    timeoutMs: order.deadlineMs,
    signal: signal ? AbortSignal.any([signal, stopServers.signal]) : stopServers.signal,
    as: processesStep(order.commands),
  })
  running.catch(() => undefined) // awaited by whoever finishes; a failure before that must not end the process
  const stop = async (): Promise<void> => {
    stopServers.abort()
    await running.catch(() => undefined)
  }
  try {
    await listening(machine, order, ports, running, signal)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    stop,
    async finish(graceMs) {
      const grace = setTimeout(() => stopServers.abort(), graceMs)
      const ended = new AbortController()
      const idle = order.endless ? withoutConnections(machine, order, graceMs, ended.signal) : undefined
      // at the latest the grace ends them
      idle?.then(() => stopServers.abort()).catch(() => undefined)
      try {
        return outputsOf(await running, ports)
      } finally {
        clearTimeout(grace)
        ended.abort()
        await idle?.catch(() => undefined)
      }
    },
  }
}

async function refuseBusyPorts(
  machine: TrafficEnd,
  { transport }: ServerOrder,
  ports: readonly number[],
): Promise<void> {
  const taken = (await listeningPorts(machine, transport)).intersection(new Set(ports))
  if (taken.size === 0) return
  throw new MeasurementError(
    `${machine.name}: port ${[...taken].join(', ')} is taken; dpbench ends no process that it did not start: ` +
      `see who listens with \`ss -l${transport[0]}np\` on ${machine.name}`,
  )
}

async function listeningPorts({ ssh }: TrafficEnd, transport: 'tcp' | 'udp'): Promise<Set<number>> {
  const { stdout } = await ssh.run(['ss', transport === 'tcp' ? '-Hltn' : '-Hlun'])
  const local = stdout.split('\n').map((line) => line.trim().split(/\s+/)[3] ?? '')
  return new Set(local.map((address) => Number(address.slice(address.lastIndexOf(':') + 1))))
}

/** TCP's states of a connection that its server has not closed. */
const open = new Set(['ESTAB', 'CLOSE-WAIT'])

async function withoutConnections(
  { name, ssh }: TrafficEnd,
  { tool, commands }: ServerOrder,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const ports = new Set(commands.map(({ port }) => port))
  await waitFor(
    async () => {
      const { stdout } = await ssh.run(['ss', '-Htn'], { signal })
      const left = stdout.split('\n').filter((line) => {
        const [state = '', , , local = ''] = line.trim().split(/\s+/)
        return open.has(state) && ports.has(Number(local.slice(local.lastIndexOf(':') + 1)))
      })
      return left.length === 0
        ? { state: 'ready', value: undefined }
        : { state: 'pending', seen: `${left.length} connections are open` }
    },
    { what: `the connections of ${tool} on ${name} to end`, timeoutMs, signal },
  )
}

async function listening(
  machine: TrafficEnd,
  { tool, transport }: ServerOrder,
  ports: readonly number[],
  running: Promise<CommandResult>,
  signal: AbortSignal | undefined,
): Promise<void> {
  let ended: CommandResult | undefined
  void running.then((result) => (ended = result)).catch(() => undefined)
  await waitFor(
    async () => {
      if (ended) return { state: 'failed', reason: `it ended: ${firstError(ended)}` }
      const missing = new Set(ports).difference(await listeningPorts(machine, transport))
      if (missing.size === 0) return { state: 'ready', value: undefined }
      return { state: 'pending', seen: `nobody listens on ${[...missing].join(', ')}` }
    },
    { what: `${tool} on ${machine.name} to listen`, timeoutMs: 20_000, signal },
  )
}

function firstError(result: CommandResult): string {
  const frames = [...parseFrames(result).values()]
  const said = frames.flatMap(({ stderr, stdout }) => [stderr.trim(), stdout.trim()]).find(Boolean)
  return said ?? (result.stderr.trim() || 'no output')
}
