/** NAT and load balancer of dpservice, with the routes that lead through them: DPSERVICE.md, "The scenarios". */
import { DeployError } from '../../core/errors.ts'
import { together } from '../../core/together.ts'
import type { VirtualMachine } from '../../machine/virtual-machine.ts'
import type { UndoLog } from '../dataplane.ts'
import type { LoadBalancerRequest, NatRequest, NetworkFunction } from '../network-functions.ts'
import { balancedPrefix, balancerTarget, loadBalancer, nat, route } from './objects.ts'
import { type ObjectPlace, OwnedObjects } from './owned-objects.ts'

/** What is known of a deployment. */
export interface Deployment {
  /** @throws DeployError where dpservice was not deployed */
  place(hypervisor: string): ObjectPlace
  /** The underlay address of a VM's interface. @throws DeployError where it has none */
  underlayOf(vm: VirtualMachine): string
  readonly undoLog: UndoLog
}

export function makeNat(deployment: Deployment, request: NatRequest): Promise<NetworkFunction> {
  const { vm, peer, address, ports } = request
  if (vm.hypervisor.name === peer.hypervisor.name) {
    throw new DeployError(
      `${vm.name} and ${peer.name} are both on ${vm.hypervisor.name}: dpservice translates what leaves a hypervisor`,
    )
  }
  const [minPort, maxPort] = ports
  const here = deployment.place(vm.hypervisor.name)
  const there = deployment.place(peer.hypervisor.name)
  return resettable(deployment.undoLog, async (objects) => {
    const { spec } = await objects.create(here, nat({ interfaceId: vm.name, ip: address, minPort, maxPort }))
    const toNat = { prefix: `${address}/32`, vni: peer.data.vni, nextHop: spec.underlay_route }
    const toPeer = { prefix: '0.0.0.0/0', vni: vm.data.vni, nextHop: deployment.underlayOf(peer) }
    await together([objects.create(there, route(toNat)), objects.create(here, route(toPeer))])
    return async () => {
      const found = (await here.client.getNat(vm.name)).spec
      if (found.nat_ip === address && found.min_port === minPort && found.max_port === maxPort) return
      throw new DeployError(
        `${vm.hypervisor.name}: ${vm.name} was given the NAT ${address} with ports ${minPort} to ${maxPort}, and has ` +
          `${found.nat_ip} with ${found.min_port} to ${found.max_port}`,
      )
    }
  })
}

export function makeLoadBalancer(
  deployment: Deployment,
  request: LoadBalancerRequest,
): Promise<NetworkFunction> {
  const { name, address, ports, vni, backends, clients } = request
  const nodes = request.nodes.map((node) => deployment.place(node.name))
  const host = address.includes(':') ? 128 : 32
  return resettable(deployment.undoLog, async (objects) => {
    const prefix = `${address}/${host}`
    const addresses = new Map<string, string>()
    const targetOf = new Map<VirtualMachine, string>()
    const isNode = ({ hypervisor }: ObjectPlace): boolean =>
      request.nodes.some(({ name: node }) => node === hypervisor.name)
    // side by side on several hypervisors; in its order on each
    await onEach([...nodes, ...placesOf(deployment, backends)], async (place) => {
      if (isNode(place)) {
        const made = await objects.create(place, loadBalancer({ id: name, vni, vip: address, ports }))
        addresses.set(place.hypervisor.name, made.spec.underlay_route)
      }
      for (const backend of on(place, backends)) {
        const made = await objects.create(place, balancedPrefix(prefix, backend.name))
        targetOf.set(backend, made.spec.underlay_route)
      }
    })
    const targets = backends.map((backend) => targetOf.get(backend)!)
    const nearest = addresses.get(nodes[0]!.hypervisor.name)!
    await onEach([...nodes, ...placesOf(deployment, [...clients, ...backends])], async (place) => {
      if (isNode(place))
        for (const target of targets) await objects.create(place, balancerTarget(name, target))
      else if (on(place, clients).length > 0)
        await objects.create(place, route({ prefix, vni, nextHop: nearest }))
      if (on(place, backends).length === 0) return
      for (const client of clients) {
        if (client.hypervisor.name === place.hypervisor.name) continue
        const toClient = `${client.overlayAddress(host === 32 ? 'ipv4' : 'ipv6')}/${host}`
        await objects.create(place, route({ prefix: toClient, vni, nextHop: deployment.underlayOf(client) }))
      }
    })
    return async () => {
      for (const { client } of nodes) await requireTargets(client, name, targets)
    }
  })
}

async function requireTargets(
  client: ObjectPlace['client'],
  name: string,
  targets: readonly string[],
): Promise<void> {
  const found = new Set((await client.listBalancerTargets(name)).map(({ spec }) => spec.target_ip))
  const missing = targets.filter((target) => !found.has(target))
  if (missing.length === 0) return
  throw new DeployError(`${client.host}: the load balancer ${name} has lost the target ${missing.join(', ')}`)
}

/** The hypervisors of `vms`, each once. */
function placesOf(deployment: Deployment, vms: readonly VirtualMachine[]): ObjectPlace[] {
  return [...new Set(vms.map((vm) => vm.hypervisor.name))].map((name) => deployment.place(name))
}

/** Those of `vms` that `place` serves. */
function on({ hypervisor }: ObjectPlace, vms: readonly VirtualMachine[]): VirtualMachine[] {
  return vms.filter((vm) => vm.hypervisor.name === hypervisor.name)
}

async function onEach(
  places: readonly ObjectPlace[],
  work: (place: ObjectPlace) => Promise<void>,
): Promise<void> {
  const byName = new Map(places.map((place) => [place.hypervisor.name, place]))
  await together([...byName.values()].map((place) => work(place)))
}

/** @param make creates the objects, and returns what checks that they are there */
async function resettable(
  undoLog: UndoLog,
  make: (objects: OwnedObjects) => Promise<() => Promise<void>>,
): Promise<NetworkFunction> {
  const begin = async (): Promise<{ objects: OwnedObjects; check: () => Promise<void> }> => {
    const objects = new OwnedObjects(undoLog)
    return { objects, check: await objects.orUndone(() => make(objects)) }
  }
  let current = await begin()
  return {
    check: () => current.check(),
    async reset() {
      await current.objects.undo()
      current = await begin()
    },
    undo: () => current.objects.undo(),
  }
}
