/**
 * What of a guest's traffic the kernel handled packet by packet: softplane's software path. A packet that is larger than the
 * port's MTU travels as one through the kernel and stands for many on the wire: those were offloaded, unless a device
 * on their way out has its segmentation offload off (`ethtool -k`), for then the kernel cuts them up after the count.
 */
import type { Namespace } from '../namespace.ts'

/** Packets since the port was first served. */
export interface PortPackets {
  /** Taken from the guest by software. */
  readonly received: number
  /** Given to the guest by software. */
  readonly transmitted: number
}

/** A device with the namespace that it is in. */
export interface Device {
  readonly namespace: Namespace
  readonly name: string
}

/** By name, as `nft` reports it. */
type Counters = ReadonlyMap<string, { readonly packets: number; readonly bytes: number }>

export class PacketCounters {
  readonly #namespace: Namespace
  readonly #mtu: number
  readonly #tunnel: string
  /** What a packet to another hypervisor leaves by. */
  readonly #wayOut: readonly Device[]
  readonly #watched = new Set<string>()

  /** @param mtu of the guests' ports, in bytes */
  constructor(
    namespace: Namespace,
    options: { readonly mtu: number; readonly tunnel: string; readonly wayOut: readonly Device[] },
  ) {
    this.#namespace = namespace
    this.#mtu = options.mtu
    this.#tunnel = options.tunnel
    this.#wayOut = options.wayOut
  }

  /** Counts a port's packets from now on; a port that comes back is counted on. */
  async watch(port: string): Promise<void> {
    if (this.#watched.has(port)) return
    await this.#namespace.run(['nft', '--file', '-'], rules(port, this.#tunnel, this.#mtu))
    this.#watched.add(port)
  }

  /** By port. */
  async read(): Promise<Map<string, PortPackets>> {
    if (this.#watched.size === 0) return new Map()
    const text = await this.#namespace.run(['nft', '--json', 'list', 'counters', 'table', 'inet', table])
    const counters = parseCounters(text)
    const cutOnTheWayOut = await cutsAny(this.#wayOut)
    const entries = [...this.#watched].map(async (port) => {
      const cutAtPort = await cutsAny([{ namespace: this.#namespace, name: port }])
      return [port, packetsOf(counters, port, this.#mtu, { cutOnTheWayOut, cutAtPort })] as const
    })
    return new Map(await Promise.all(entries))
  }
}

const table = 'softplane_telemetry'

/** Early in the forward hook: before anything of the service that may drop or change a packet. */
function rules(port: string, tunnel: string, mtu: number): string {
  const counted = [
    ['in_single', `iifname "${port}" meta length <= ${mtu}`],
    ['in_large', `iifname "${port}" oifname "${tunnel}" meta length > ${mtu}`],
    ['out_single', `oifname "${port}" meta length <= ${mtu}`],
    ['out_large', `oifname "${port}" meta length > ${mtu}`],
  ] as const
  return [
    `add table inet ${table}`,
    `add chain inet ${table} forward { type filter hook forward priority -450; }`,
    ...counted.flatMap(([name, match]) => [
      `add counter inet ${table} ${port}_${name}`,
      `add rule inet ${table} forward ${match} counter name "${port}_${name}"`,
    ]),
    '',
  ].join('\n')
}

export function parseCounters(json: string): Counters {
  const { nftables } = JSON.parse(json) as {
    nftables: { counter?: { name: string; packets: number; bytes: number } }[]
  }
  return new Map(nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter] as const] : [])))
}

export function packetsOf(
  counters: Counters,
  port: string,
  mtu: number,
  cut: { readonly cutOnTheWayOut: boolean; readonly cutAtPort: boolean },
): PortPackets {
  const packets = (name: string): number => counters.get(`${port}_${name}`)?.packets ?? 0
  const segments = (name: string): number => Math.ceil((counters.get(`${port}_${name}`)?.bytes ?? 0) / mtu)
  return {
    received: packets('in_single') + (cut.cutOnTheWayOut ? segments('in_large') : 0),
    transmitted: packets('out_single') + (cut.cutAtPort ? segments('out_large') : 0),
  }
}

async function cutsAny(devices: readonly Device[]): Promise<boolean> {
  const cuts = devices.map(async ({ namespace, name }) =>
    cutsLargePackets(await namespace.run(['ethtool', '-k', name])),
  )
  return (await Promise.all(cuts)).includes(true)
}

/** Whether a device with these features gets large packets from the kernel in pieces. */
export function cutsLargePackets(features: string): boolean {
  return !/^tcp-segmentation-offload: on/m.test(features)
}
