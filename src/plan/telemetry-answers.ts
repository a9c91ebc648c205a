/** DPDK's telemetry of a dpservice that keeps to its mode: with offload its graph sees no packet, without it every one. */
import type { World } from './world.ts'

/** More than any flow has. */
const allPackets = 1e12

export function telemetryReplies(world: World, hypervisor: string, argv: readonly string[]): string {
  const vms = world.config.hypervisors.find(({ name }) => name === hypervisor)?.vms ?? []
  const names = vms.map(({ device, pciAddress }) => device ?? pciAddress)
  const requests = argv.filter((one) => /^\/(ethdev|dp_service)\//.test(one))
  const reply = (request: string): unknown => {
    const [path = '', port] = request.split(',')
    if (path === '/ethdev/list') return names.map((_, index) => index)
    if (path === '/ethdev/info') return { name: names[Number(port)] }
    world.looks++
    const seen = world.mode === 'non-offload' ? world.looks * allPackets : 0
    return {
      nodes: Object.fromEntries(
        names.flatMap((_, at) => [
          [`rx-${at}-0`, seen],
          [`tx-${at}`, seen],
        ]),
      ),
    }
  }
  return requests.map((request) => JSON.stringify({ [request.split(',')[0]!]: reply(request) })).join('\n')
}
