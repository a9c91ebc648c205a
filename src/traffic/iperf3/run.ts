/**
 * One repetition of iperf3: one-off servers, one per flow on ports of their own; readiness seen with `ss`, never by
 * connecting; the clients started together; both ends' outputs brought back whole, unjudged.
 */
import type { TrafficEnd } from '../../machine/traffic-end.ts'
import type { Family } from '../../machine/virtual-machine.ts'
import type { ProcessOutput } from '../frames.ts'
import { type PortCommand, outputsOf, processesScript, processesStep } from '../processes.ts'
import type { ServerEnd } from '../server-end.ts'

export interface Iperf3Flows {
  /** Runs the clients. */
  readonly from: TrafficEnd
  /** Runs the servers. */
  readonly to: ServerEnd
  /** What the clients connect to. */
  readonly address: string
  readonly family: Family
  /** Client processes, each with a server of its own: iperf3 before 3.16 has one thread per process. */
  readonly flows: number
  /** How long each client sends. */
  readonly seconds: number
  /** The servers' ports are this one and the next. Default 5201. */
  readonly firstPort?: number | undefined
  /** The run that the processes are marked with. */
  readonly runId: string
  /**
   * `reverse`: the servers send. `both`: `flows` each way, as two one-way sets side by side; iperf3's own `--bidir`
   * reports both ways of a connection in a form that differs between versions. Default `forward`.
   */
  readonly direction?: Direction | undefined
  /** What each client sends. Default: TCP, as fast as it goes. */
  readonly load?: Iperf3Load | undefined
  /** Called when the servers listen; the clients are started when it is done. */
  readonly ready?: () => Promise<void>
  /** Called when the clients have ended, and the servers perhaps not yet. */
  readonly sent?: () => void
}

export type Direction = 'forward' | 'reverse' | 'both'

export type Iperf3Load =
  | {
      readonly protocol: 'tcp'
      /** TCP's maximum segment size, options included (`-M`). */
      readonly mss?: number | undefined
    }
  | {
      readonly protocol: 'udp'
      /** Of each flow; 0 is as fast as it goes. */
      readonly bitsPerSecond: number
      readonly payloadBytes: number
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
  const ports = portsOf(flows)
  const totalMs = flows.seconds * 1000 + clientMarginMs
  const order = {
    ...iperf3Servers(ports, flows.seconds),
    deadlineMs: totalMs + 60_000,
    runId: flows.runId,
  }
  const serving = await flows.to.serve(order, signal)
  try {
    await flows.ready?.()
    const commands = clientCommands(flows)
    const clients = await flows.from.ssh.tryRun(processesScript(commands, flows.runId), {
      timeoutMs: totalMs,
      signal,
      as: processesStep(commands),
    })
    flows.sent?.()
    const ofServers = await serving.finish(serverGraceMs)
    signal?.throwIfAborted()
    const ofClients = outputsOf(clients, ports)
    return ports.map((port, index) => ({
      name: `flow ${index + 1}`,
      port,
      client: ofClients.get(port)!,
      server: ofServers.get(port)!,
    }))
  } catch (error) {
    await serving.stop()
    throw error
  }
}

/** The ports of the flows, in their order. */
export function portsOf({ firstPort = 5201, flows, direction }: Iperf3Flows): number[] {
  return Array.from({ length: direction === 'both' ? 2 * flows : flows }, (_, index) => firstPort + index)
}

/** Servers that serve one client each. */
export function iperf3Servers(
  ports: readonly number[],
  seconds: number,
): { tool: string; transport: 'tcp'; commands: PortCommand[] } {
  const idle = String(Math.ceil(seconds + 60))
  return {
    tool: 'iperf3',
    transport: 'tcp', // the control connection's, for UDP flows too
    commands: ports.map((port) => ({
      port,
      argv: ['iperf3', '-s', '-1', '-J', '-i', '1', '-p', String(port), '--idle-timeout', idle],
    })),
  }
}

function clientCommands(flows: Iperf3Flows): PortCommand[] {
  const { family, address, seconds, direction = 'forward', load = { protocol: 'tcp' } } = flows
  const common = ['iperf3', family === 'ipv4' ? '-4' : '-6', '-c', address, '-t', String(seconds)]
  const always = ['-i', '1', '-J', '--connect-timeout', String(connectTimeoutMs)]
  return portsOf(flows).map((port, index) => {
    const reversed = direction === 'reverse' || (direction === 'both' && index >= flows.flows)
    return {
      port,
      argv: [...common, '-p', String(port), ...always, ...loadOptions(load), ...(reversed ? ['-R'] : [])],
    }
  })
}

function loadOptions(load: Iperf3Load): string[] {
  if (load.protocol === 'tcp') return load.mss === undefined ? [] : ['-M', String(load.mss)]
  return ['-u', '-b', String(Math.round(load.bitsPerSecond)), '-l', String(load.payloadBytes)]
}
