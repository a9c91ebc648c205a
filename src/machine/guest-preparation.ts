/**
 * Makes a guest ready for traffic through the data plane, with as few changes as that takes, each with its undo: the
 * data NIC up and leased afresh (a data plane learns a guest from its DHCP), and no default route over the management
 * NIC that would win over the data plane's.
 */
import { DpbenchError } from '../core/errors.ts'
import { waitFor } from '../core/wait.ts'
import { inOrder, shell } from '../core/shell-quote.ts'
import {
  type GuestFacts,
  type GuestLink,
  dataLink,
  guestFacts,
  guestLinks,
  hasAddress,
} from './guest-network.ts'
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
  const renew = (): Promise<void> => client.renew(vm, link, { ...options, others: others.commands })
  return {
    begin: () => runInOrder(vm, [...yielding, ...client.before(link, others.commands)], options.signal),
    async lease() {
      const { ifname, mtu } = await leasedLink(vm, link.ifname, options, renew)
      return { interface: ifname, mtu }
    },
    async leaseBack() {
      await leasedLink(vm, link.ifname, options, renew, performance.now())
    },
  }
}

/** One round trip for all. @throws CommandError of the first that fails */
async function runInOrder(
  { ssh }: VirtualMachine,
  commands: readonly (readonly string[])[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (commands.length > 0) await ssh.run(inOrder(commands), { signal })
}

/** How long one request may stay unanswered: a client that was not heard waits up to a minute before its next. */
const askAgainMs = 15_000

/** Asks by `renew`, and again while no lease comes. @throws WaitError at the deadline */
function leasedLink(
  vm: VirtualMachine,
  ifname: string,
  options: PreparationOptions,
  renew: () => Promise<void>,
  lastAsked = Number.NEGATIVE_INFINITY,
): Promise<GuestLink> {
  const wanted = [vm.overlayAddress('ipv4'), ...(options.ipv6 ? [vm.overlayAddress('ipv6')] : [])]
  let askedAt = lastAsked
  return waitFor(
    async () => {
      if (performance.now() - askedAt > askAgainMs) {
        await renew()
        askedAt = performance.now()
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

type Commands = readonly (readonly string[])[]

/** Where the link goes down and up, what others had on it is put there again. */
interface DhcpClient {
  /** What makes the interface ready to ask. */
  before(link: GuestLink, others: Commands): Commands
  /** Asks afresh; does not wait for the answer. */
  renew(
    vm: VirtualMachine,
    link: GuestLink,
    options: PreparationOptions & { readonly others: Commands },
  ): Promise<void>
  /** The commands that leave no lease behind. */
  release(link: GuestLink): string[][]
}

/** The client that manages the guest's interfaces already, else one that is there to be started. */
function dhcpClient(vm: VirtualMachine, { dhcp }: GuestFacts, runId: string): DhcpClient {
  if (dhcp === 'networkd') return networkd
  if (dhcp === 'dhclient') return dhclient(runId)
  throw new DpbenchError(
    `${vm.name}: neither systemd-networkd runs nor dhclient is installed, so the data NIC cannot be leased; ` +
      'install one of them in the guest image',
  )
}

/**
 * networkd asks afresh when the carrier comes back; `networkctl` would need a D-Bus, which small images lack. The kernel
 * tells of a carrier once a second at most, so one that goes and comes sooner is never told of.
 */
const networkd: DhcpClient = {
  before: () => [],
  renew: (vm, link, { others, signal }) =>
    runInOrder(vm, [downAndSeen(link), linkCommand(link, 'up'), ...others], signal),
  release: (link) => [downAndSeen(link), ...(link.flags.includes('UP') ? [linkCommand(link, 'up')] : [])],
}

/** Fails when the kernel does not report the link down within 10 s. */
function downAndSeen({ ifname }: GuestLink): string[] {
  return shell(
    'ip link set dev "$1" down || exit; n=0; until [ "$(cat "/sys/class/net/$1/operstate")" = down ]; do ' +
      'n=$((n+1)); [ "$n" -le 100 ] || { echo "$1 is not reported down" >&2; exit 1; }; sleep 0.1; done',
    ifname,
  )
}

function linkCommand({ ifname }: GuestLink, state: 'up' | 'down'): string[] {
  return ['ip', 'link', 'set', 'dev', ifname, state]
}

/** dhclient keeps its lease in files of this run, so that it can be ended without touching another one's. */
const dhclient = (runId: string): DhcpClient => ({
  before: (link, others) => [
    ...stopDhclient(link, runId),
    linkCommand(link, 'down'),
    linkCommand(link, 'up'),
    ...others,
  ],
  async renew(vm, link, options) {
    await runInOrder(vm, [...stopDhclient(link, runId), dhclientCommand('-4', link, runId)], options.signal)
    if (!options.ipv6) return
    await settledLinkLocal(vm, link, options)
    await runInOrder(vm, [dhclientCommand('-6', link, runId)], options.signal)
  },
  release: (link) => [
    ...stopDhclient(link, runId),
    ['ip', 'address', 'flush', 'dev', link.ifname, 'scope', 'global'],
    ['ip', '-6', 'route', 'flush', 'dev', link.ifname, 'proto', 'ra'],
    ...(link.flags.includes('UP') ? [] : [linkCommand(link, 'down')]),
  ],
})

/** dhclient cannot bind to a link-local address that duplicate address detection still holds back. */
function settledLinkLocal(
  vm: VirtualMachine,
  { ifname }: GuestLink,
  options: PreparationOptions,
): Promise<void> {
  return waitFor(
    async () => {
      const link = (await guestLinks(vm.ssh)).find((each) => each.ifname === ifname)
      const own = link?.addr_info.find((info) => info.family === 'inet6' && info.local?.startsWith('fe80:'))
      if (own && own.tentative !== true) return { state: 'ready', value: undefined }
      return { state: 'pending', seen: own ? `${own.local} is tentative` : 'no link-local address' }
    },
    {
      what: `the link-local address of ${ifname} on ${vm.name}`,
      timeoutMs: 15_000,
      maxIntervalMs: 250,
      signal: options.signal,
    },
  )
}

function dhclientCommand(family: '-4' | '-6', link: GuestLink, runId: string): string[] {
  const files = dhclientFiles(family, link, runId)
  // -nw: goes to the background at once; the wait for the address is ours, with our deadline.
  return ['dhclient', family, '-nw', '-pf', files.pid, '-lf', files.lease, link.ifname]
}

function dhclientFiles(family: '-4' | '-6', link: GuestLink, runId: string): { pid: string; lease: string } {
  const base = `/run/dpbench-dhclient${family}-${link.ifname}-${runId}`
  return { pid: `${base}.pid`, lease: `${base}.leases` }
}

function stopDhclient(link: GuestLink, runId: string): string[][] {
  return (['-4', '-6'] as const).map((family) => {
    const { pid, lease } = dhclientFiles(family, link, runId)
    return shell(
      'if [ -s "$1" ]; then p=$(cat "$1"); ' +
        'if grep -qz dhclient "/proc/$p/cmdline" 2>/dev/null; then kill "$p"; fi; fi; rm -f -- "$1" "$2"',
      pid,
      lease,
    )
  })
}
