/** The DHCP clients of guests: how each is made to ask afresh, and to leave no lease behind. */
import { DpbenchError } from '../core/errors.ts'
import { inOrder, shell } from '../core/shell-quote.ts'
import { waitFor } from '../core/wait.ts'
import { type GuestFacts, type GuestLink, guestLinks } from './guest-network.ts'
import type { VirtualMachine } from './virtual-machine.ts'

type Commands = readonly (readonly string[])[]

export interface RenewOptions {
  /** Whether an earlier asking had no answer. */
  readonly again: boolean
  /** Whether an IPv6 lease is wanted too. */
  readonly ipv6: boolean
  /** What others had on the link, to be put there again where it goes down. */
  readonly others: Commands
  /** Takes away the default routes that would win over the data plane's. */
  readonly yielding: Commands
  readonly signal?: AbortSignal | undefined
}

export interface DhcpClient {
  /** What makes the interface ready to ask. */
  before(link: GuestLink, others: Commands): Commands
  /** Asks afresh; does not wait for the answer. @throws CommandError */
  renew(vm: VirtualMachine, link: GuestLink, options: RenewOptions): Promise<void>
  /** The commands that leave no lease behind. */
  release(link: GuestLink): string[][]
}

/**
 * The client that manages the guest's interfaces already, else one that is there to be started.
 * @throws DpbenchError when the guest has none that we know.
 */
export function dhcpClient(vm: VirtualMachine, { dhcp }: GuestFacts, runId: string): DhcpClient {
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
  renew: (vm, link, options) =>
    options.again
      ? restartNetworkd(vm, link, options)
      : runInOrder(vm, [downAndSeen(link), linkCommand(link, 'up'), ...options.others], options.signal),
  release: (link) => [downAndSeen(link), ...(link.flags.includes('UP') ? [linkCommand(link, 'up')] : [])],
}

/**
 * networkd gives a link up for good when the kernel refuses it a route, as it does while the link is down ("Nexthop device is not
 * up"): no carrier makes it ask again. It keeps the other NICs' leases over a restart, but makes their default routes again.
 */
async function restartNetworkd(
  vm: VirtualMachine,
  { ifname }: GuestLink,
  { yielding, signal }: RenewOptions,
): Promise<void> {
  const { stdout } = await vm.ssh.run(
    shell(
      'timeout 5 networkctl reconfigure "$1" > /dev/null 2>&1 || { systemctl restart systemd-networkd && echo restarted; }',
      ifname,
    ),
    { signal },
  )
  if (stdout.includes('restarted')) await runInOrder(vm, yielding.map(onceThere), signal)
}

/** Tries `command` until it succeeds, for 10 s at most: what it takes away may not come at all. */
function onceThere(command: readonly string[]): string[] {
  return shell(
    'n=0; until "$@" 2> /dev/null; do n=$((n+1)); [ "$n" -le 100 ] || exit 0; sleep 0.1; done',
    ...command,
  )
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
function settledLinkLocal(vm: VirtualMachine, { ifname }: GuestLink, options: RenewOptions): Promise<void> {
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

/** One round trip for all. @throws CommandError of the first that fails */
export async function runInOrder(
  { ssh }: VirtualMachine,
  commands: readonly (readonly string[])[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (commands.length > 0) await ssh.run(inOrder(commands), { signal })
}
