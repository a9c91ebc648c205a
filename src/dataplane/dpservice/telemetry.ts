/**
 * What dpservice on one hypervisor counts, asked of its DPDK telemetry: how many packets its graph, the software path, took
 * from each port and gave to each port. Facts: `src/dp_telemetry.c`, `src/dp_graph.c` of ironcore-dev/dpservice,
 * `lib/telemetry/telemetry.c` and `lib/ethdev/rte_ethdev_telemetry.c` of DPDK.
 */
import type Docker from 'dockerode'
import { z } from 'zod'
import type { CommandResult } from '../../core/command-result.ts'
import { DeployError } from '../../core/errors.ts'
import type { Hypervisor } from '../../machine/hypervisor.ts'
import { execInContainer } from '../../transport/docker/exec.ts'
import { noSocket, noSpeaker, parseReplies, speakers, telemetryCommand } from './telemetry-script.ts'

const objectsRequest = '/dp_service/graph/obj_count'
const askTimeoutMs = 20_000

/** Packets that the graph handled since dpservice started, by node: `rx-2-0` takes from port 2, `tx-2` gives to it. */
export type GraphObjects = ReadonlyMap<string, number>

export interface Ask {
  /** @throws DeployError saying why nothing can be asked; ConnectionError */
  (requests: readonly string[]): Promise<Record<string, unknown>[]>
}

/** The path of the socket that DPDK opens for root with these EAL arguments. @throws DeployError when it opens none */
export function telemetrySocket(ealArguments: readonly string[]): string {
  if (ealArguments.includes('--no-telemetry'))
    throw new DeployError('its EAL argument --no-telemetry turns its counters off')
  const at = ealArguments.findLastIndex((argument) => /^--file-prefix(=|$)/.test(argument))
  const prefix = at < 0 ? 'rte' : (/=(.*)$/.exec(ealArguments[at]!)?.[1] ?? ealArguments[at + 1] ?? 'rte')
  return `/var/run/dpdk/${prefix}/dpdk_telemetry.v2`
}

/**
 * Asks on the hypervisor, through the container's own view of its files, whether they are mounted there or not; and inside the
 * container, where the hypervisor has no program for it.
 */
export function askDpdk(
  hypervisor: Hypervisor,
  container: Docker.Container,
  ealArguments: readonly string[],
): Ask {
  let known: number | undefined
  const processOf = async (): Promise<number> => {
    const { State: state } = await container.inspect()
    if (!state.Running) throw new DeployError('it does not run')
    return state.Pid
  }
  return async (requests) => {
    const socket = telemetrySocket(ealArguments)
    const as = { kind: 'command', name: `ask DPDK's telemetry for ${requests.join(' ')}` } as const
    const ask = (pid: number): Promise<CommandResult> =>
      hypervisor.ssh.tryRun(telemetryCommand(`/proc/${pid}/root${socket}`, requests), {
        as,
        timeoutMs: askTimeoutMs,
      })
    const before = known
    let result = await ask((known ??= await processOf()))
    // of a process that has ended, as it was started anew or not at all
    if (before !== undefined && result.exitCode === noSocket) result = await ask((known = await processOf()))
    if (result.exitCode === noSpeaker) {
      const command = telemetryCommand(socket, requests)
      result = await execInContainer(hypervisor.name, container, command, { timeoutMs: askTimeoutMs })
    }
    return repliesOf(result, socket, requests)
  }
}

function repliesOf(
  result: CommandResult,
  socket: string,
  requests: readonly string[],
): Record<string, unknown>[] {
  const { exitCode, stdout, stderr, timedOut } = result
  if (exitCode === noSocket) throw new DeployError(`it has no telemetry socket at ${socket}`)
  // 126 and 127: the engine, for a container without a shell
  if ([noSpeaker, 126, 127].includes(exitCode ?? 0)) {
    throw new DeployError(
      `its telemetry needs ${speakers}, and neither the hypervisor nor its container has one; install one on the hypervisor`,
    )
  }
  if (exitCode !== 0 || timedOut) {
    const why = timedOut ? 'no answer in time' : stderr.trim() || `exit status ${exitCode}`
    throw new DeployError(`its telemetry at ${socket} cannot be asked: ${why}`)
  }
  // a greeting comes with each connection
  const replies = parseReplies(stdout).filter((object) => !('max_output_len' in object))
  if (replies.length !== requests.length)
    throw new DeployError(`its telemetry gave ${replies.length} replies to ${requests.length} requests`)
  return replies
}

const portList = z.object({ '/ethdev/list': z.array(z.number()) })
const portInfo = z.object({ '/ethdev/info': z.looseObject({ name: z.string() }) })
const objects = z.object({ [objectsRequest]: z.record(z.string(), z.record(z.string(), z.number())) })

export class DpdkCounters {
  private readonly ask: Ask
  private ports: ReadonlyMap<string, number> | undefined
  private reading: Promise<GraphObjects> | undefined

  constructor(ask: Ask) {
    this.ask = ask
  }

  /** DPDK's number of the port that it calls `device`. @throws DeployError */
  async port(device: string): Promise<number> {
    const ports = (this.ports ??= await this.readPorts())
    const port = ports.get(device)
    if (port === undefined)
      throw new DeployError(`its telemetry knows no port ${device}, but ${[...ports.keys()].join(', ')}`)
    return port
  }

  /** One reading for all paths that ask at the same moment. @throws DeployError when there are no counts, saying why */
  objects(): Promise<GraphObjects> {
    if (this.reading) return this.reading
    const reading = this.readObjects()
    this.reading = reading
    const over = (): void => {
      if (this.reading === reading) this.reading = undefined
    }
    setImmediate(over) // whoever asks from then on is to get what is counted by then
    reading.then(over, over)
    return reading
  }

  private async readObjects(): Promise<GraphObjects> {
    const [reply] = await this.ask([objectsRequest])
    const blocks = parsed(objects, reply, objectsRequest)[objectsRequest]!
    const nodes = Object.values(blocks).flatMap((block) => Object.entries(block))
    if (nodes.length === 0)
      throw new DeployError('its graph keeps no statistics (DPDK was built without RTE_LIBRTE_GRAPH_STATS)')
    return new Map(nodes)
  }

  private async readPorts(): Promise<ReadonlyMap<string, number>> {
    const [list] = await this.ask(['/ethdev/list'])
    const ids = parsed(portList, list, '/ethdev/list')['/ethdev/list']
    const infos = await this.ask(ids.map((id) => `/ethdev/info,${id}`))
    return new Map(
      infos.map((info, index) => [parsed(portInfo, info, '/ethdev/info')['/ethdev/info'].name, ids[index]!]),
    )
  }
}

function parsed<T extends z.ZodType>(schema: T, reply: unknown, request: string): z.output<T> {
  const result = schema.safeParse(reply)
  if (result.success) return result.data
  throw new DeployError(
    `its telemetry does not answer ${request} as dpservice does: ${JSON.stringify(reply)?.slice(0, 200)}`,
    { cause: result.error },
  )
}

/** How many packets the graph took from a port, on all of its queues. */
export function takenFrom(objects: GraphObjects, port: number): number {
  return sum(objects, new RegExp(`^rx-${port}(-\\d+)?$`))
}

/** How many packets the graph gave to a port. */
export function givenTo(objects: GraphObjects, port: number): number {
  return sum(objects, new RegExp(`^tx-${port}(-\\d+)?$`))
}

/** @throws DeployError when the graph has no such node */
function sum(objects: GraphObjects, name: RegExp): number {
  const nodes = [...objects].filter(([node]) => name.test(node))
  if (nodes.length === 0)
    throw new DeployError(`its graph has no node ${name.source} (${[...objects.keys()].join(', ')})`)
  return nodes.reduce((total, [, count]) => total + count, 0)
}
