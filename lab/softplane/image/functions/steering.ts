/**
 * Packets that go elsewhere than their destination address says: to a load balancer's target, to the hypervisor that has the
 * NAT. Each way is a routing table of its own, entered by a mark that the rules give.
 */
import type { Namespace } from '../daemon/namespace.ts'
import type { Address } from '../shared/addresses.ts'

/** Through the tunnel, to whoever has this underlay address. */
export interface TunnelWay {
  readonly to: 'underlay'
  readonly family: 4 | 6
  readonly address: Address
  /** Whether the receiver must tell it from what it gets for its other underlay addresses. */
  readonly forThisAddressAlone: boolean
}

export type Way =
  | TunnelWay
  | { readonly to: 'guest'; readonly family: 4 | 6; readonly device: string; readonly gateway: string }

/** Marks and tables have the same numbers. Those below are the kernel's. */
const firstMark = 1000

export interface SteeringOptions {
  readonly namespace: Namespace
  /** Lines of `ip`'s batch language that make a default route to an underlay address in a table. */
  readonly tunnelRoute: (way: TunnelWay, table: number) => readonly string[]
}

export class Steering {
  readonly #options: SteeringOptions
  /** By key: what way it is. */
  readonly #ways = new Map<string, { readonly mark: number; readonly family: 4 | 6 }>()
  #nextMark = firstMark

  constructor(options: SteeringOptions) {
    this.#options = options
  }

  /** Makes the ways that are new, and returns the marks of all by their keys. Call `forget` once no rule gives the others. */
  async open(wanted: ReadonlyMap<string, Way>): Promise<ReadonlyMap<string, number>> {
    for (const [key, way] of wanted) {
      if (this.#ways.has(key)) continue
      const mark = this.#nextMark++
      await this.#options.namespace.ip(
        way.to === 'guest'
          ? [`route add default via ${way.gateway} dev ${way.device} onlink table ${mark}`]
          : this.#options.tunnelRoute(way, mark),
      )
      await this.#rule('add', way.family, mark)
      this.#ways.set(key, { mark, family: way.family })
    }
    return new Map([...this.#ways].map(([key, { mark }]) => [key, mark]))
  }

  async forget(wanted: ReadonlyMap<string, Way>): Promise<void> {
    for (const [key, { mark, family }] of this.#ways) {
      if (wanted.has(key)) continue
      this.#ways.delete(key)
      await this.#rule('delete', family, mark)
      // a table is gone with its routes, and those to a guest go with its port
      await this.#options.namespace.run(['ip', `-${family}`, 'route', 'flush', 'table', String(mark)])
    }
  }

  async #rule(verb: 'add' | 'delete', family: 4 | 6, mark: number): Promise<void> {
    const table = String(mark)
    const rule = ['fwmark', table, 'lookup', table]
    await this.#options.namespace.run(['ip', `-${family}`, 'rule', verb, ...rule])
  }
}
