/** dpservice, deployed: what a run does with it until it is removed. */
import type Docker from 'dockerode'
import { DeployError, describeError } from '../../core/errors.ts'
import { together } from '../../core/together.ts'
import type { Hypervisor } from '../../machine/hypervisor.ts'
import type { VirtualMachine } from '../../machine/virtual-machine.ts'
import { accepting } from '../../transport/docker/engine-error.ts'
import type {
  DataplaneProvenance,
  DeployedDataplane,
  Line,
  Mode,
  PathObservation,
  UndoLog,
} from '../dataplane.ts'
import type { MadeObjects } from './made-objects.ts'
import type { LoadBalancerRequest, NatRequest, NetworkFunction, PortRange } from '../network-functions.ts'
import type { DpserviceSettings } from './container.ts'
import type { DpserviceClient } from './client.ts'
import { type Deployment, makeLoadBalancer, makeNat } from './network-functions.ts'
import { route } from './objects.ts'
import { type PathEnd, observePath } from './observe-path.ts'
import { orUndone } from './owned-objects.ts'
import { SharedRoutes } from './shared-routes.ts'
import type { DpdkCounters } from './telemetry.ts'
import { uplinkSpeed } from './uplink.ts'

/** dpservice on one hypervisor. */
export interface DpserviceNode {
  readonly hypervisor: Hypervisor
  readonly container: Docker.Container
  readonly client: DpserviceClient
  /** Of each VM here, by name: the underlay address that others route to. */
  readonly underlay: ReadonlyMap<string, string>
  /** Of each VM here, by name: the data plane's name of its port. */
  readonly devices: ReadonlyMap<string, string>
  readonly counters: DpdkCounters
  readonly provenance: DataplaneProvenance
  readonly settings: DpserviceSettings
  /** What it was given since it was deployed; none of one that is another run's. */
  readonly made?: MadeObjects
  /** Starts it again after it was killed, with its ports and interfaces as they were. @throws DeployError, WaitError */
  readonly restart?: (signal?: AbortSignal) => Promise<void>
}

export interface PresentRoute {
  readonly hypervisor: string
  readonly vni: number
  readonly prefix: string
}

/** dpservice carries packets in IPv6: one header. */
const tunnelBytes = 40

export class DeployedDpservice implements DeployedDataplane {
  readonly mode: Mode
  readonly provenance: readonly DataplaneProvenance[]
  private readonly nodes: ReadonlyMap<string, DpserviceNode>
  private readonly undoLog: UndoLog
  private readonly routes: SharedRoutes
  private readonly loss = new AbortController()
  /** The hypervisors on which it was killed, and is to be. */
  private readonly killed = new Set<string>()
  private released = false

  /** @param present by hypervisor, routes that are there already and stay */
  constructor(
    mode: Mode,
    nodes: readonly DpserviceNode[],
    undoLog: UndoLog,
    present: readonly PresentRoute[] = [],
  ) {
    this.mode = mode
    this.undoLog = undoLog
    this.routes = new SharedRoutes(undoLog)
    for (const { hypervisor, ...place } of present)
      this.routes.known(hypervisor, route({ ...place, nextHop: '' }))
    this.nodes = new Map(nodes.map((node) => [node.hypervisor.name, node]))
    this.provenance = nodes.map((node) => node.provenance)
    for (const node of nodes) void this.watch(node)
  }

  get lost(): AbortSignal {
    return this.loss.signal
  }

  /** The typed client of one hypervisor's dpservice, for what suites do beyond routes. */
  client(hypervisor: string): DpserviceClient {
    return this.node(hypervisor).client
  }

  async identity(): Promise<string> {
    const states = await Promise.all(
      [...this.nodes.values()].map(async ({ hypervisor, container }) => {
        const { State: state, RestartCount: restarts } = await container.inspect()
        return `${hypervisor.name}: ${state.Running ? `up since ${state.StartedAt}, restarts ${restarts}` : 'stopped'}`
      }),
    )
    return states.join('; ')
  }

  async route(a: VirtualMachine, b: VirtualMachine): Promise<() => Promise<void>> {
    if (a.hypervisor.name === b.hypervisor.name) return async () => undefined
    const wanted = [[a, b] as const, [b, a] as const].flatMap(([from, to]) =>
      [`${to.overlayAddress('ipv4')}/32`, `${to.overlayAddress('ipv6')}/128`].map((prefix) => ({
        place: this.node(from.hypervisor.name),
        spec: route({ prefix, vni: from.data.vni, nextHop: this.underlayOf(to) }),
      })),
    )
    const taken: (() => Promise<void>)[] = []
    const giveUp = async (): Promise<void> => void (await together(taken.map((give) => give())))
    return orUndone(async () => {
      await together(wanted.map(async (each) => taken.push(await this.routes.take(each))))
      return giveUp
    }, giveUp)
  }

  async nat(request: NatRequest): Promise<NetworkFunction> {
    return makeNat(this.deployment, request)
  }

  /** dpservice leaves out the highest port, and can use one again for another destination. */
  natCapacity([min, max]: PortRange): number {
    return max - min
  }

  async loadBalancer(request: LoadBalancerRequest): Promise<NetworkFunction> {
    return makeLoadBalancer(this.deployment, request)
  }

  observePath(from: VirtualMachine, to: VirtualMachine): Promise<PathObservation> {
    return observePath(this.pathEnd(from), this.pathEnd(to))
  }

  async lineBetween(a: VirtualMachine, b: VirtualMachine): Promise<Line | undefined> {
    const ends = [a.hypervisor, b.hypervisor]
    if (ends[0] === ends[1]) return undefined
    const speeds = ends.map((end) => uplinkSpeed(end, this.node(end.name).settings))
    return { tunnelBytes, speeds: await Promise.all(speeds) }
  }

  async kill(hypervisor: string): Promise<void> {
    const { container, restart } = this.node(hypervisor)
    if (!restart) throw new DeployError(`dpservice on ${hypervisor} is of another run, and is left as it is`)
    if (this.killed.has(hypervisor)) return
    this.killed.add(hypervisor)
    const ended = container.wait({ condition: 'not-running' })
    await accepting([409], () => container.kill({ signal: 'SIGKILL' })) // it may have ended by itself
    await ended
  }

  async start(hypervisor: string, signal?: AbortSignal): Promise<void> {
    if (!this.killed.has(hypervisor)) return
    const node = this.node(hypervisor)
    try {
      await node.restart!(signal)
      await node.made?.again(node.client)
    } catch (error) {
      // as it was before this was tried, for whoever tries again
      await accepting([404, 409], () => node.container.kill({ signal: 'SIGKILL' }))
      throw error
    }
    this.killed.delete(hypervisor)
    void this.watch(node)
  }

  /** From now on its end is meant: `lost` stays quiet. */
  release(): void {
    this.released = true
  }

  private get deployment(): Deployment {
    return {
      place: (hypervisor) => this.node(hypervisor),
      underlayOf: (vm) => this.underlayOf(vm),
      undoLog: this.undoLog,
    }
  }

  private node(hypervisor: string): DpserviceNode {
    const node = this.nodes.get(hypervisor)
    if (!node) throw new DeployError(`dpservice was not deployed on ${hypervisor}`)
    return node
  }

  private pathEnd(vm: VirtualMachine): PathEnd {
    const { devices, counters } = this.node(vm.hypervisor.name)
    const device = devices.get(vm.name)
    if (device === undefined)
      throw new DeployError(`dpservice on ${vm.hypervisor.name} has no port for ${vm.name}`)
    return { vm, device, counters }
  }

  private underlayOf(vm: VirtualMachine): string {
    const underlay = this.node(vm.hypervisor.name).underlay.get(vm.name)
    if (underlay === undefined)
      throw new DeployError(`dpservice on ${vm.hypervisor.name} knows no interface for ${vm.name}`)
    return underlay
  }

  /** Waits, by one open request, for the container's end. */
  private async watch({ hypervisor, container }: DpserviceNode): Promise<void> {
    let reason: string
    try {
      const { StatusCode: code } = (await container.wait({ condition: 'not-running' })) as {
        StatusCode: number
      }
      reason = `dpservice on ${hypervisor.name} stopped (exit code ${code})`
    } catch (error) {
      reason = `dpservice on ${hypervisor.name} can no longer be watched: ${describeError(error)}`
    }
    if (!this.released && !this.killed.has(hypervisor.name)) this.loss.abort(new DeployError(reason))
  }
}
