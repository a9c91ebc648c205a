/**
 * One repetition of iperf 2 to several servers behind one address. iperf3 cannot be used there: its control and its data
 * connection may be sent to different servers. iperf 2 has one connection per flow, so whoever gets it has the whole flow.
 */
import type { TrafficEnd } from '../../machine/traffic-end.ts'
import type { Family } from '../../machine/virtual-machine.ts'
import type { ProcessOutput } from '../frames.ts'
import { type PortCommand, outputsOf, processesScript, processesStep } from '../processes.ts'
import { serversOn } from '../server-end.ts'

export interface Iperf2Flows {
  /** Runs the clients. */
  readonly from: TrafficEnd
  /** Each runs one server, which takes any number of clients. */
  readonly servers: readonly TrafficEnd[]
  /** What the clients connect to. */
  readonly address: string
  readonly port: number
  readonly family: Family
  readonly flows: number
  /** How long each client sends. */
  readonly seconds: number
  /** The run that the processes are marked with. */
  readonly runId: string
  /** Called when the servers listen; the clients are started when it is done. */
  readonly ready?: () => Promise<void>
  /** Called when the clients have ended, and the servers perhaps not yet. */
  readonly sent?: () => void
}

export interface Iperf2Raw {
  readonly clients: readonly ProcessOutput[]
  /** By machine. */
  readonly servers: ReadonlyMap<string, ProcessOutput>
}

/** What clients may take beyond the time they send. */
const clientMarginMs = 30_000
/** A server goes on for ever; it has this long until its connections have ended. */
const serverGraceMs = 5000

/**
 * Runs the flows and returns what each process wrote, however it ended.
 * @throws MeasurementError when the port is taken; WaitError when a server does not come to listen; ConnectionError
 */
export async function runIperf2(flows: Iperf2Flows, signal?: AbortSignal): Promise<Iperf2Raw> {
  const { from, servers, port, seconds, runId } = flows
  const totalMs = seconds * 1000 + clientMarginMs
  const argv = ['iperf', '-s', '-p', String(port), '-i', '1', '-y', 'C', ...familyOption(flows)]
  const order = {
    tool: 'iperf',
    transport: 'tcp' as const,
    commands: [{ port, argv }],
    deadlineMs: totalMs + 60_000,
    runId,
    endless: true, // at SIGTERM it goes on for a second, and has said all by then
  }
  const serving = await allServing(servers, order, signal)
  try {
    await flows.ready?.()
    const commands = clientCommands(flows)
    const result = await from.ssh.tryRun(processesScript(commands, runId), {
      timeoutMs: totalMs,
      signal,
      as: processesStep(commands),
    })
    flows.sent?.()
    const finished = await Promise.all(serving.map((each) => each.finish(serverGraceMs)))
    signal?.throwIfAborted()
    const ids = commands.map((command) => command.port)
    return {
      clients: [...outputsOf(result, ids).values()],
      servers: new Map(servers.map((server, index) => [server.name, finished[index]!.get(port)!])),
    }
  } catch (error) {
    await Promise.all(serving.map((each) => each.stop()))
    throw error
  }
}

type Serving = Awaited<ReturnType<ReturnType<typeof serversOn>['serve']>>

/** All of them or none. */
async function allServing(
  servers: readonly TrafficEnd[],
  order: Parameters<ReturnType<typeof serversOn>['serve']>[0],
  signal?: AbortSignal,
): Promise<Serving[]> {
  const started = await Promise.allSettled(servers.map((server) => serversOn(server).serve(order, signal)))
  const serving = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failed = started.find((each) => each.status === 'rejected')
  if (!failed) return serving
  await Promise.all(serving.map((each) => each.stop()))
  throw failed.reason
}

/** They all go to one port, so each is known by its place. */
function clientCommands(flows: Iperf2Flows): PortCommand[] {
  const { address, port, seconds } = flows
  const to = ['iperf', '-c', address, '-p', String(port), '-t', String(seconds)]
  const argv = [...to, '-i', '1', '-y', 'C', ...familyOption(flows)]
  return Array.from({ length: flows.flows }, (_, index) => ({ port: index + 1, argv }))
}

function familyOption({ family }: Iperf2Flows): string[] {
  return family === 'ipv6' ? ['-V'] : []
}
