/**
 * Makes a guest ready for traffic through the data plane, with as few changes as that takes, each with its undo: the
 * data NIC up and leased afresh (a data plane learns a guest from its DHCP), and no default route over the management
 * NIC that would win over the data plane's.
 */
import { waitFor } from '../core/wait.ts'
import { dhcpClient, runInOrder } from './dhcp-client.ts'
import { type GuestLink, dataLink, guestFacts, guestLinks, hasAddress } from './guest-network.ts'
import { endMarkedProcesses } from './marked-processes.ts'
import { othersOnLink } from './others-on-link.ts'
import type { VirtualMachine } from './virtual-machine.ts'

export interface GuestUndo {
  readonly what: string
  /** Run in this order, in the guest. Each may be run again without harm. */
  readonly commands: readonly (readonly string[])[]
}

export interface PreparedGuest {
  /** The data NIC's name in the guest. */
  readonly interface: string
  readonly mtu: number
}

/** Called with the undo of a change before the change is made, and with the boot that the change dies with. */
export type RecordUndo = (undo: GuestUndo, bootId: string) => Promise<void>

export interface PreparationOptions {
  readonly recordUndo: RecordUndo
  readonly runId: string
  readonly signal?: AbortSignal | undefined
  /** Whether the data plane carries IPv6 in the overlay, so that an IPv6 lease is to be awaited. */
  readonly ipv6: boolean
  /** For the leases. Default 60 s: an emulated guest's client waits between its tries. */
  readonly timeoutMs?: number
}

/** A preparation whose undo is written down. */
export interface PlannedPreparation {
  /** Does what needs no data plane yet. @throws CommandError */
  begin(): Promise<void>
  /** Needs the data plane: it gives the leases. @throws WaitError when no lease comes */
  lease(): Promise<PreparedGuest>
  /** Waits for the leases after the link was down, and asks for them only when none has come. @throws WaitError */
  leaseBack(): Promise<void>
}

/**
 * Looks at the guest and records the undo of what is to be changed. When that is done before the data plane is recorded,
 * the data plane is gone when it is played back, and gives the guest nothing new.
 * @throws DpbenchError when the guest has no DHCP client that we know.
 */
export async function planPreparation(
  vm: VirtualMachine,
  options: PreparationOptions,
): Promise<PlannedPreparation> {
  const facts = await guestFacts(vm.ssh)
  const link = dataLink(vm.name, facts.links, vm.data.managementMac)
  const others = othersOnLink(link, facts.routes)
  const client = dhcpClient(vm, facts, options.runId)
  const recordUndo = (undo: GuestUndo): Promise<void> => options.recordUndo(undo, facts.bootId)
  // before the lease: dhclient's script adds no default route where there is one already
  const winning = facts.defaultRoutes.filter((route) => route.dev !== link.ifname)
  for (const { family, dev, words } of winning) {
    await recordUndo({
      what: `${vm.name}: the default route over ${dev}`,
      commands: [['ip', family, 'route', 'replace', ...words]],
    })
  }
  await recordUndo({
    what: `${vm.name}: the lease of ${link.ifname}`,
    commands: [...client.release(link), ...others.commands, ...others.defaults],
  })
  await recordUndo({
    what: `${vm.name}: processes of the run`,
    commands: [endMarkedProcesses(options.runId)],
  })
  const yielding = winning.map(({ family, words }) => ['ip', family, 'route', 'del', ...words])
  const ask = (again: boolean): Promise<void> =>
    client.renew(vm, link, { ...options, again, others: others.commands, yielding })
  return {
    begin: () => runInOrder(vm, [...yielding, ...client.before(link, others.commands)], options.signal),
    async lease() {
      const { ifname, mtu } = await leasedLink(vm, link.ifname, options, ask)
      return { interface: ifname, mtu }
    },
    async leaseBack() {
      await leasedLink(vm, link.ifname, options, ask, performance.now())
    },
  }
}

/** How long one request may stay unanswered: a client that was not heard waits up to a minute before its next. */
const askAgainMs = 15_000

/**
 * Asks, and again while no lease comes.
 * @param askedAt when the client asked by itself, of `performance.now()`.
 * @throws WaitError at the deadline
 */
function leasedLink(
  vm: VirtualMachine,
  ifname: string,
  options: PreparationOptions,
  ask: (again: boolean) => Promise<void>,
  askedAt?: number,
): Promise<GuestLink> {
  const wanted = [vm.overlayAddress('ipv4'), ...(options.ipv6 ? [vm.overlayAddress('ipv6')] : [])]
  let lastAsked = askedAt
  return waitFor(
    async () => {
      if (lastAsked === undefined || performance.now() - lastAsked > askAgainMs) {
        await ask(lastAsked !== undefined)
        lastAsked = performance.now()
      }
      const link = (await guestLinks(vm.ssh)).find((each) => each.ifname === ifname)
      if (!link) return { state: 'failed', reason: `${ifname} is gone` }
      const missing = wanted.filter((address) => !hasAddress(link, address))
      if (missing.length === 0) return { state: 'ready', value: link }
      const present = link.addr_info.map((info) => info.local).join(', ') || 'no address'
      return { state: 'pending', seen: `${ifname} has ${present}, lacks ${missing.join(' and ')}` }
    },
    {
      what: `the data plane's DHCP lease on ${vm.name}`,
      timeoutMs: options.timeoutMs ?? 60_000,
      maxIntervalMs: 250,
      signal: options.signal,
    },
  )
}
