/**
 * What the service knows: interfaces, routes, and the network functions of `functions/`. Each change is made in the kernel
 * first and remembered when it holds; refusals carry dpservice's codes, in the order in which dpservice checks (`dp_grpc_impl.c`).
 */
import { randomUUID } from 'node:crypto'
import { formatAddress, formatPrefix, parseAddress, type Address, type Prefix } from '../shared/addresses.ts'
import type { InterfaceRequest, InterfaceResult, RouteRequest, RouteResult } from '../shared/protocol.ts'
import { RpcError, ServiceError } from '../shared/status.ts'
import { checkVni, guestAddress, hostPrefix, requirePrefix } from './checks.ts'
import type { Configuration } from './configuration.ts'
import { getNat, getVirtualIp } from '../functions/nat.ts'
import { Functions, type Guest, type Site } from '../functions/site.ts'
import { Overlay } from './overlay.ts'
import type { PortStatistics } from './ports.ts'
import type { PortPackets } from './telemetry/packet-counters.ts'
import { generateUnderlay, sameHypervisor } from './underlay.ts'
import { Uplink } from './uplink.ts'

interface Interface {
  readonly result: InterfaceResult
  readonly underlay: Address
  readonly guest: Guest
}

interface Vni {
  readonly overlay: Overlay
  readonly routes: Map<string, RouteResult>
  readonly functions: Functions
}

export class Dataplane implements Site {
  readonly #configuration: Configuration
  readonly #uplink: Uplink
  readonly #interfaces = new Map<string, Interface>()
  readonly #vnis = new Map<number, Vni>()
  #uuid: string | undefined

  private constructor(configuration: Configuration, uplink: Uplink) {
    this.#configuration = configuration
    this.#uplink = uplink
  }

  static async start(configuration: Configuration): Promise<Dataplane> {
    return new Dataplane(configuration, await Uplink.create(configuration))
  }

  get uuid(): string | undefined {
    return this.#uuid
  }

  initialize(): string {
    this.#uuid ??= randomUUID()
    return this.#uuid
  }

  async createInterface(request: InterfaceRequest): Promise<InterfaceResult> {
    const { options, virtualFunctions } = this.#configuration
    const ipv4 = guestAddress(request.ipv4, 4)
    const ipv6 = guestAddress(request.ipv6, 6)
    if (!ipv4 && !ipv6)
      throw new RpcError('INVALID_ARGUMENT', 'an interface needs an IPv4 or an IPv6 address')
    checkVni(request.vni)
    if (request.totalMeterRate > 0 || request.publicMeterRate > 0)
      throw new RpcError('UNIMPLEMENTED', 'softplane has no meters: create the interface without meter rates')
    const port = virtualFunctions.find(({ device }) => device === request.device)
    if (!port) throw new ServiceError('NOT_FOUND')
    const peers = [...this.#interfaces.values()].map(({ result }) => result)
    if (peers.some(({ device }) => device === request.device)) throw new ServiceError('ALREADY_EXISTS')
    const underlay = this.#chooseUnderlay(request.vni, request.underlay)
    if (this.#interfaces.has(request.id)) throw new ServiceError('VM_HANDLE')
    const neighbours = peers.filter(({ vni }) => vni === request.vni)
    const taken = (address: string): boolean =>
      neighbours.some((one) => one.ipv4 === address || one.ipv6 === address) ||
      (this.#vnis.get(request.vni)?.routes.has(hostPrefix(address)) ?? false)
    if ([ipv4, ipv6].some((address) => address !== '' && taken(address)))
      throw new ServiceError('ROUTE_EXISTS')

    const { overlay } = await this.#openVni(request.vni)
    try {
      await overlay.attach({
        device: port.device,
        mac: port.mac,
        ipv4,
        ipv6: options.ipv6Overlay ? ipv6 : '',
        hostname: request.hostname,
        mtu: options.dhcpMtu,
        dns4: options.dhcpDns,
        dns6: options.dhcpv6Dns,
      })
      await this.#uplink.addAddress(underlay)
    } catch (error) {
      await this.#closeUnusedVni(request.vni)
      throw error
    }
    const { id, vni, device } = request
    const result = {
      id,
      vni,
      device,
      ipv4: ipv4 || '0.0.0.0',
      ipv6: ipv6 || '::',
      underlayRoute: formatAddress(underlay),
      virtualFunction: port.netdev,
    }
    this.#interfaces.set(id, { result, underlay, guest: { id, vni, device, ipv4, ipv6 } })
    return result
  }

  async deleteInterface(id: string): Promise<void> {
    const { result, underlay } = this.#require(id)
    const vni = this.#requireVni(result.vni)
    const addresses = [...vni.functions.nats.values(), ...vni.functions.virtualIps.values()]
      .filter(({ guest }) => guest.id === id)
      .map(({ ip }) => ip)
    const freed = [underlay, ...vni.functions.forgetGuest(id)]
    await this.apply(result.vni)
    for (const address of addresses) await vni.overlay.forgetConnections(address)
    for (const address of freed) await this.#uplink.removeAddress(address)
    await vni.overlay.detach(result.device)
    this.#interfaces.delete(id)
    await this.#closeUnusedVni(result.vni)
  }

  getInterface(id: string): InterfaceResult {
    return this.#withFunctions(this.#require(id).result)
  }

  listInterfaces(): InterfaceResult[] {
    return [...this.#interfaces.values()].map(({ result }) => this.#withFunctions(result))
  }

  #withFunctions(result: InterfaceResult): InterfaceResult {
    const { nats, virtualIps } = this.functions(result.vni)
    return {
      ...result,
      ...(nats.has(result.id) ? { nat: getNat(this, result.id) } : {}),
      ...(virtualIps.has(result.id) ? { vip: getVirtualIp(this, result.id) } : {}),
    }
  }

  get ipv6Overlay(): boolean {
    return this.#configuration.options.ipv6Overlay
  }

  guest(id: string): Guest {
    const found = this.#interfaces.get(id)
    if (!found) throw new ServiceError('NO_VM')
    return found.guest
  }

  functions(vni: number): Functions {
    return this.#requireVni(vni).functions
  }

  all(): Functions[] {
    return [...this.#vnis.values()].map(({ functions }) => functions)
  }

  async apply(vni: number): Promise<void> {
    const { overlay, functions } = this.#requireVni(vni)
    await overlay.apply(functions)
  }

  async forgetConnections(vni: number, address: string): Promise<void> {
    await this.#requireVni(vni).overlay.forgetConnections(address)
  }

  async claim(vni: number, wanted: string): Promise<Address> {
    const address = this.#chooseUnderlay(vni, wanted)
    await this.#uplink.addAddress(address)
    return address
  }

  async release(address: Address): Promise<void> {
    await this.#uplink.removeAddress(address)
  }

  async createRoute(request: RouteRequest): Promise<void> {
    const prefix = requirePrefix(request.prefix)
    const address = parseAddress(request.nextHopIp)
    if (address?.family !== 6) throw new ServiceError('BAD_IPVER')
    const { overlay, routes } = this.#requireVni(request.vni)
    const key = formatPrefix(prefix)
    const own = this.listInterfaces().filter(({ vni }) => vni === request.vni)
    const local = own.some(({ ipv4, ipv6 }) => [hostPrefix(ipv4), hostPrefix(ipv6)].includes(key))
    if (local || routes.has(key)) throw new ServiceError('ROUTE_EXISTS')
    if (prefix.address.family === 4 || this.#configuration.options.ipv6Overlay) {
      await overlay.addRoute(prefix, { vni: request.nextHopVni, address })
    }
    routes.set(key, { prefix: key, nextHopVni: request.nextHopVni, nextHopIp: formatAddress(address) })
  }

  async deleteRoute(vni: number, text: string): Promise<void> {
    const prefix = requirePrefix(text)
    const { overlay, routes } = this.#requireVni(vni)
    if (!routes.has(formatPrefix(prefix))) throw new ServiceError('ROUTE_NOT_FOUND')
    await this.#removeRoute(overlay, routes, prefix)
  }

  listRoutes(vni: number): RouteResult[] {
    return [...this.#requireVni(vni).routes.values()]
  }

  vniInUse(vni: number): boolean {
    return this.#vnis.has(vni)
  }

  /** Forgets the VNI's routes and network functions; its interfaces stay. */
  async resetVni(vni: number): Promise<void> {
    const { overlay, routes, functions } = this.#requireVni(vni)
    const translated = [...functions.nats.values(), ...functions.virtualIps.values()].map(({ ip }) => ip)
    const freed = functions.clear()
    await this.apply(vni)
    for (const address of translated) await overlay.forgetConnections(address)
    for (const address of freed) await this.release(address)
    for (const key of routes.keys()) await this.#removeRoute(overlay, routes, requirePrefix(key))
  }

  /** By device: what software handled of its packets. Ports without an interface have none. */
  async softwarePackets(): Promise<Map<string, PortPackets>> {
    const ofVnis = [...this.#vnis.values()].map(({ overlay }) => overlay.softwarePackets())
    return new Map((await Promise.all(ofVnis)).flatMap((packets) => [...packets]))
  }

  async portStatistics(device: string): Promise<PortStatistics> {
    const served = this.listInterfaces().find((one) => one.device === device)
    const overlay = served && this.#vnis.get(served.vni)?.overlay
    return (overlay ?? this.#uplink).portStatistics(device)
  }

  async close(): Promise<void> {
    for (const { overlay } of this.#vnis.values()) await overlay.close()
    await this.#uplink.close()
  }

  async #removeRoute(overlay: Overlay, routes: Map<string, RouteResult>, prefix: Prefix): Promise<void> {
    if (prefix.address.family === 4 || this.#configuration.options.ipv6Overlay)
      await overlay.removeRoute(prefix)
    routes.delete(formatPrefix(prefix))
  }

  #require(id: string): Interface {
    const found = this.#interfaces.get(id)
    if (!found) throw new ServiceError('NOT_FOUND')
    return found
  }

  #requireVni(vni: number): Vni {
    const found = this.#vnis.get(vni)
    if (!found) throw new ServiceError('NO_VNI')
    return found
  }

  async #openVni(vni: number): Promise<Vni> {
    const known = this.#vnis.get(vni)
    if (known) return known
    const opened = {
      overlay: await Overlay.create(vni, this.#uplink),
      routes: new Map<string, RouteResult>(),
      functions: new Functions(vni),
    }
    this.#vnis.set(vni, opened)
    return opened
  }

  /** dpservice frees a VNI, routes and all, with its last interface. */
  async #closeUnusedVni(vni: number): Promise<void> {
    if (this.listInterfaces().some((one) => one.vni === vni)) return
    const unused = this.#vnis.get(vni)
    this.#vnis.delete(vni)
    for (const address of unused?.functions.underlays() ?? []) await this.#uplink.removeAddress(address)
    await unused?.overlay.close()
  }

  #chooseUnderlay(vni: number, wish: string): Address {
    const used = new Set([...this.#interfaces.values()].map(({ underlay }) => underlay.value))
    used.add(this.#uplink.own.value)
    for (const address of this.all().flatMap((functions) => functions.underlays())) used.add(address.value)
    const wanted = parseAddress(wish)
    if (wanted && wanted.value !== 0n) {
      const usable =
        wanted.family === 6 && sameHypervisor(wanted, this.#uplink.own) && !used.has(wanted.value)
      if (!usable) throw new ServiceError('VNF_INSERT')
      return wanted
    }
    for (let number = 1; number < 2 ** 16; number++) {
      const address = generateUnderlay(this.#uplink.own, vni, number)
      if (!used.has(address.value)) return address
    }
    throw new ServiceError('VNF_INSERT')
  }
}
