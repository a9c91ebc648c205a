/** NAT and load balancer in one test: made through the data plane, measured through, and undone after the test. */
import type { DisposalStack } from '../core/disposal-stack.ts'
import type { BalancedPort, NetworkFunction } from '../dataplane/network-functions.ts'
import type { Environment } from '../environment/environment.ts'
import type { BalancedPath, NatPath } from './placement.ts'
import type { Through } from './through.ts'

/** Puts `from` behind the NAT; `to` sees the NAT's address. @throws DeployError */
export async function natThrough(
  { dataplane }: Environment,
  undo: DisposalStack,
  { from, to, nat }: NatPath,
): Promise<Through> {
  const made = await dataplane.nat({ vm: from, peer: to, ...nat })
  undo.defer(() => made.undo())
  return {
    name: natName({ from, nat }),
    threshold: 'nat',
    capacity: dataplane.natCapacity(nat.ports),
    source: nat,
    ...stateOf(made),
  }
}

export function natName({ from, nat }: Pick<NatPath, 'from' | 'nat'>): string {
  return `the NAT ${nat.address} of ${from.name} (ports ${nat.ports.join(' to ')})`
}

/**
 * Makes the load balancer with the path's backends, which get its address on their loopback interface: packets reach them
 * with it as their destination.
 * @throws DeployError
 */
export async function balancerThrough(
  environment: Environment,
  undo: DisposalStack,
  { from, backends, balancer }: BalancedPath,
): Promise<Through> {
  const prefix = `${balancer.address}/${balancer.address.includes(':') ? 128 : 32}`
  for (const backend of backends) undo.defer(await environment.addLoopbackAddress(backend, prefix))
  const made = await environment.dataplane.loadBalancer({ ...balancer, backends, clients: [from] })
  undo.defer(() => made.undo())
  return {
    name: balancerName(balancer),
    threshold: 'lb',
    address: balancer.address,
    ports: tcpPorts(balancer.ports),
    ...stateOf(made),
  }
}

export function balancerName({ name, address }: { readonly name: string; readonly address: string }): string {
  return `the load balancer ${name} (${address})`
}

export function tcpPorts(ports: readonly BalancedPort[]): number[] {
  return ports.flatMap(({ protocol, port }) => (protocol === 'TCP' ? [port] : []))
}

function stateOf(made: NetworkFunction): Pick<Through, 'check' | 'reset'> {
  return { check: () => made.check(), reset: () => made.reset() }
}
