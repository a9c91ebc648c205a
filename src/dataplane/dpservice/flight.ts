/** What dpservice on one hypervisor tells after a failure: its container, its log, its telemetry, what it was told. Reads only. */
import { setTimeout as delay } from 'node:timers/promises'
import type Docker from 'dockerode'
import { describeError } from '../../core/errors.ts'
import { type FlightPiece, cleanedAroundBytes, pieceBytes } from '../../core/flight.ts'
import type { Hypervisor } from '../../machine/hypervisor.ts'
import { execInContainer } from '../../transport/docker/exec.ts'
import { containerLogEnd } from '../../transport/docker/logs.ts'
import { runLabel } from './container.ts'
import { askDpdk } from './telemetry.ts'

export interface DpserviceEvidenceOptions {
  readonly runId: string
  readonly ealArguments: readonly string[]
  /** Of the VMs: what routes are asked for. */
  readonly vnis: readonly number[]
  /** As `performance.now()` tells it. */
  readonly ends: number
}

interface Said {
  readonly text: string
  readonly exitStatus?: number | undefined
  readonly cut?: boolean
}

/** Of all containers that the run made there, whatever state they are in. Throws nothing. */
export async function dpserviceEvidence(
  hypervisor: Hypervisor,
  options: DpserviceEvidenceOptions,
): Promise<FlightPiece[]> {
  let there: Docker.ContainerInfo[] = []
  const list = await piece(hypervisor.name, 'containers', 'docker ps --all', options.ends, async () => {
    there = await hypervisor.docker.listContainers({ all: true })
    return { text: JSON.stringify(there, null, 2) }
  })
  const ours = there.filter(({ Labels: labels }) => labels[runLabel] === options.runId)
  const ofContainers = ours.map((info) => ofContainer(hypervisor, info, options))
  return [list, ...(await Promise.all(ofContainers)).flat()]
}

async function ofContainer(
  hypervisor: Hypervisor,
  { Id: id, Names: names }: Docker.ContainerInfo,
  { ealArguments, vnis, ends }: DpserviceEvidenceOptions,
): Promise<FlightPiece[]> {
  const name = names[0]?.replace(/^\//, '') ?? id.slice(0, 12)
  const container = hypervisor.docker.getContainer(id)
  const of = (what: string, command: string, read: () => Promise<Said>): Promise<FlightPiece> =>
    piece(hypervisor.name, `${what}-of-${name}`, command, ends, read)
  const cli = (what: string, ...argv: string[]): Promise<FlightPiece> =>
    of(what, `docker exec ${name} ${argv.join(' ')}`, async () => {
      const { stdout, stderr, exitCode } = await execInContainer(hypervisor.name, container, argv, {
        timeoutMs: Math.max(1, Math.round(ends - performance.now())),
      })
      return { text: `${stdout}${stderr}`, exitStatus: exitCode ?? undefined }
    })
  return Promise.all([
    of('container', `docker inspect ${name}`, async () => ({
      text: JSON.stringify(await container.inspect(), null, 2),
    })),
    of('log', `docker logs --timestamps ${name}`, () =>
      containerLogEnd(container, pieceBytes.log + cleanedAroundBytes),
    ),
    of('telemetry', `ask ${name}'s DPDK telemetry`, async () => ({
      text: await telemetry(hypervisor, container, ealArguments),
    })),
    cli('interfaces', 'dpservice-cli', '-o', 'json', 'list', 'interfaces'),
    ...vnis.map((vni) =>
      cli(`routes-${vni}`, 'dpservice-cli', '-o', 'json', 'list', 'routes', `--vni=${vni}`),
    ),
  ])
}

/** Every counter that it serves by port, and dpservice's own. */
async function telemetry(
  hypervisor: Hypervisor,
  container: Docker.Container,
  ealArguments: readonly string[],
): Promise<string> {
  const ask = askDpdk(hypervisor, container, ealArguments)
  const [served, ports] = await ask(['/', '/ethdev/list'])
  const commands = stringsIn(served?.['/'])
  const perPort = ['/ethdev/info', '/ethdev/stats', '/ethdev/xstats', '/ethdev/link_status']
  const numbers = Array.isArray(ports?.['/ethdev/list']) ? (ports['/ethdev/list'] as number[]) : []
  const requests = [
    ...commands.filter((command) => command.startsWith('/dp_service/')),
    ...perPort
      .filter((command) => commands.includes(command))
      .flatMap((command) => numbers.map((port) => `${command},${port}`)),
  ]
  const replies = requests.length > 0 ? await ask(requests) : []
  return [
    JSON.stringify(served),
    ...replies.map((reply, index) => `${requests[index]}\n${JSON.stringify(reply, null, 1)}`),
  ].join('\n')
}

function stringsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

async function piece(
  machine: string,
  name: string,
  command: string,
  ends: number,
  read: () => Promise<Said>,
): Promise<FlightPiece> {
  const asked = { machine, name, command, keep: 'end', mostBytes: pieceBytes.log } as const
  const waiting = new AbortController()
  const late = delay(Math.max(1, ends - performance.now()), undefined, { signal: waiting.signal })
  try {
    const said = await Promise.race([read(), late])
    return said ? { ...asked, ...said } : { ...asked, missing: 'the time for it was over' }
  } catch (error) {
    return { ...asked, missing: describeError(error) }
  } finally {
    waiting.abort()
    await late.catch(() => undefined) // it ends by this abort alone
  }
}
