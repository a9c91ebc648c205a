/**
 * What the machines of a plan have in common: a clock that only traffic moves, the servers that wait for clients, and what dpservice
 * was given. Without it no recorded answer could follow from what was done before.
 */
import type { BenchConfig, RunMode, VmConfig } from '../config/index.ts'
import type { Assumed, GuestAssumptions } from './assumed.ts'

/** One client as its server sees it. */
export interface Client {
  readonly port: number
  readonly argv: readonly string[]
  readonly launchedAtMs: number
  readonly seconds: number
  readonly from: Endpoint
  readonly to: Endpoint
  /** As what the server sees the client. */
  readonly seenAs: Endpoint
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface Server {
  readonly machine: string
  readonly port: number
  /** Resolved with its clients when they have ended. */
  readonly served: PromiseWithResolvers<readonly Client[]>
}

export interface Nat {
  readonly ip: string
  readonly minPort: number
  readonly maxPort: number
}

export class World {
  readonly config: BenchConfig
  /** That is planned now. */
  mode: RunMode = 'plain'
  readonly assumed: Assumed
  readonly guests: GuestAssumptions
  readonly servers: Server[] = []
  /** By VM. */
  readonly nats = new Map<string, Nat>()
  /** By VM: what its data NIC has sent. */
  readonly sent = new Map<string, { packets: number; bytes: number }>()
  /** By machine: how often it was told to reboot. */
  readonly reboots = new Map<string, number>()
  /** How often the data plane's counters were read. */
  looks = 0
  /** Images that the controller builds: id → tag. */
  readonly built = new Map<string, string>()
  private elapsed = 0
  private readonly startedAtMs = Date.now()

  constructor(
    config: BenchConfig,
    { assumed, guests }: { readonly assumed: Assumed; readonly guests: GuestAssumptions },
  ) {
    this.config = config
    this.assumed = assumed
    this.guests = guests
  }

  /** Seconds of traffic so far. */
  get seconds(): number {
    return this.elapsed
  }

  get nowMs(): number {
    return Math.round(this.startedAtMs + this.elapsed * 1000)
  }

  /** Something that takes so long; what is begun before it ends runs beside it. */
  async pass(seconds: number): Promise<void> {
    const end = this.elapsed + seconds
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    this.elapsed = Math.max(this.elapsed, end)
  }

  /** What an engine calls an image. */
  imageId(name: string): string {
    const [built] = [...this.built].find((each) => each.includes(name)) ?? []
    return built ?? this.assumed.token(`id of ${name}`)
  }

  vm(name: string): VmConfig | undefined {
    return this.config.hypervisors.flatMap(({ vms }) => vms).find((vm) => vm.name === name)
  }

  nic(vm: string): string {
    return this.assumed.token(`data NIC of ${vm}`)
  }

  /** Of a VM's data NIC. */
  mtu(vm: VmConfig): number {
    const own = this.config.hypervisors.find(({ name }) => name === vm.hypervisor)?.dpservice.arguments ?? []
    const [, given] = /--dhcp-mtu[= ](\d+)/.exec(own.join(' ')) ?? []
    return this.guests.mtuBytes ?? Number(given ?? 1500)
  }
}
