/**
 * DPDK's telemetry commands, as far as softplane serves them: the names and the shapes of the replies are those of
 * DPDK (`lib/ethdev/rte_ethdev_telemetry.c`) and of dpservice (`src/dp_telemetry.c`), the numbers are the kernel's.
 */
import type { Configuration } from '../configuration.ts'
import type { Dataplane } from '../dataplane.ts'
import type { PortSpec } from '../eal-arguments.ts'

type Command = (parameter: string) => unknown

/** Answers one request, `/ethdev/stats,2`. What is not known is answered with `null`, as DPDK does. */
export type Telemetry = (request: string) => Promise<Readonly<Record<string, unknown>>>

export function createTelemetry(plane: Dataplane, configuration: Configuration): Telemetry {
  const { ports } = configuration
  const portOf = (parameter: string): PortSpec | undefined =>
    /^\d+$/.test(parameter) ? ports[Number(parameter)] : undefined
  const commands: Readonly<Record<string, Command>> = {
    '/': () => Object.keys(commands).sort(),
    '/dp_service/graph/obj_count': () => graphObjects(plane, ports),
    '/ethdev/list': () => ports.map((_, id) => id),
    '/ethdev/info': (parameter) => {
      const port = portOf(parameter)
      return port ? { name: port.device, port_id: Number(parameter), mac_addr: port.mac } : null
    },
    '/ethdev/stats': (parameter) => {
      const port = portOf(parameter)
      return port ? plane.portStatistics(port.device) : null
    },
  }
  return async (request) => {
    const [name = '', ...parameters] = request.trim().split(',')
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    return { [name]: command ? await command(parameters.join(',')) : null }
  }
}

/** A graph's nodes are named by port: `rx-<port>-<queue>` takes packets from it, `tx-<port>` gives packets to it. */
async function graphObjects(plane: Dataplane, ports: readonly PortSpec[]): Promise<unknown> {
  const packets = await plane.softwarePackets()
  const nodes = ports.flatMap(({ device }, id) => {
    const { received, transmitted } = packets.get(device) ?? { received: 0, transmitted: 0 }
    return [
      [`rx-${id}-0`, received],
      [`tx-${id}`, transmitted],
    ]
  })
  return { Node_0_to_255: Object.fromEntries(nodes) }
}
