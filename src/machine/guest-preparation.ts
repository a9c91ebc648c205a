/**
 * Makes a guest ready for traffic through the data plane, with as few changes as that takes, each with its undo: the
 * data NIC up and leased afresh (a data plane learns a guest from its DHCP), and no default route over the management
 * NIC that would win over the data plane's.
 */
import { z } from 'zod'
import { DpbenchError } from '../core/errors.ts'
import { waitFor } from '../core/wait.ts'
import { shell } from '../core/shell-quote.ts'
import { type GuestLink, dataLink, guestLinks, hasAddress } from './guest-network.ts'
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

/** Called with the undo of a change before the change is made. */
export type RecordUndo = (undo: GuestUndo) => Promise<void>

export interface PreparationOptions {
  readonly recordUndo: RecordUndo
  readonly signal?: AbortSignal | undefined
  /** Whether the data plane carries IPv6 in the overlay, so that an IPv6 lease is to be awaited. */
  readonly ipv6: boolean
  /** For the leases. Default 60 s: an emulated guest's client waits between its tries. */
  readonly timeoutMs?: number
}

/** @throws DpbenchError when the guest has no DHCP client that we know; WaitError when no lease comes. */
export async function prepareGuest(vm: VirtualMachine, options: PreparationOptions): Promise<PreparedGuest> {
  const link = dataLink(vm.name, await guestLinks(vm.ssh), vm.data.managementMac)
  const client = await dhcpClient(vm)
  // before the lease: dhclient's script adds no default route where there is one already
  await yieldDefaultRoutes(vm, link.ifname, options.recordUndo)
  await options.recordUndo({
    what: `${vm.name}: the lease of ${link.ifname}`,
    commands: client.release(link),
  })
  await client.renew(vm, link, options)
  const leased = await leasedLink(vm, link.ifname, options)
  return { interface: leased.ifname, mtu: leased.mtu }
}

function leasedLink(vm: VirtualMachine, ifname: string, options: PreparationOptions): Promise<GuestLink> {
  const wanted = [vm.data.ipv4, ...(options.ipv6 ? [vm.data.ipv6] : [])]
  return waitFor(
    async () => {
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
      signal: options.signal,
    },
  )
}

interface DhcpClient {
  /** Asks afresh; does not wait for the answer. */
  renew(vm: VirtualMachine, link: GuestLink, options: PreparationOptions): Promise<void>
  /** The commands that leave no lease behind. */
  release(link: GuestLink): string[][]
}

/** The client that manages the guest's interfaces already, else one that is there to be started. */
async function dhcpClient(vm: VirtualMachine): Promise<DhcpClient> {
  const probe = shell(
    'if command -v networkctl >/dev/null && systemctl is-active --quiet systemd-networkd; then echo networkd; ' +
      'elif command -v dhclient >/dev/null; then echo dhclient; else echo none; fi',
  )
  const { stdout } = await vm.ssh.run(probe)
  const kind = stdout.trim()
  if (kind === 'networkd') return networkd
  if (kind === 'dhclient') return dhclient
  throw new DpbenchError(
    `${vm.name}: neither systemd-networkd runs nor dhclient is installed, so the data NIC cannot be leased; ` +
      'install one of them in the guest image',
  )
}

/** networkd asks afresh when the carrier comes back; `networkctl` would need a D-Bus, which small images lack. */
const networkd: DhcpClient = {
  async renew({ ssh }, link, { signal }) {
    await ssh.run(linkCommand(link, 'down'), { signal })
    await ssh.run(linkCommand(link, 'up'), { signal })
  },
  release: (link) => [
    linkCommand(link, 'down'),
    ...(link.flags.includes('UP') ? [linkCommand(link, 'up')] : []),
  ],
}

function linkCommand({ ifname }: GuestLink, state: 'up' | 'down'): string[] {
  return ['ip', 'link', 'set', 'dev', ifname, state]
}

/** dhclient keeps its lease in files of ours, so that it can be ended without touching another one's. */
const dhclient: DhcpClient = {
  async renew(vm, link, options) {
    const { signal } = options
    const afresh = [...stopDhclient(link), linkCommand(link, 'down'), linkCommand(link, 'up')]
    for (const command of afresh) await vm.ssh.run(command, { signal })
    await vm.ssh.run(dhclientCommand('-4', link), { signal })
    if (!options.ipv6) return
    await settledLinkLocal(vm, link, options)
    await vm.ssh.run(dhclientCommand('-6', link), { signal })
  },
  release: (link) => [
    ...stopDhclient(link),
    ['ip', 'address', 'flush', 'dev', link.ifname, 'scope', 'global'],
    ...(link.flags.includes('UP') ? [] : [linkCommand(link, 'down')]),
  ],
}

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
    { what: `the link-local address of ${ifname} on ${vm.name}`, timeoutMs: 15_000, signal: options.signal },
  )
}

function dhclientCommand(family: '-4' | '-6', link: GuestLink): string[] {
  const files = dhclientFiles(family, link)
  // -nw: goes to the background at once; the wait for the address is ours, with our deadline.
  return ['dhclient', family, '-nw', '-pf', files.pid, '-lf', files.lease, link.ifname]
}

function dhclientFiles(family: '-4' | '-6', link: GuestLink): { pid: string; lease: string } {
  const base = `/run/dpbench-dhclient${family}-${link.ifname}`
  return { pid: `${base}.pid`, lease: `${base}.leases` }
}

function stopDhclient(link: GuestLink): string[][] {
  return (['-4', '-6'] as const).map((family) => {
    const { pid, lease } = dhclientFiles(family, link)
    return shell(
      'if [ -s "$1" ]; then p=$(cat "$1"); ' +
        'if grep -qz dhclient "/proc/$p/cmdline" 2>/dev/null; then kill "$p"; fi; fi; rm -f -- "$1" "$2"',
      pid,
      lease,
    )
  })
}

const routeSchema = z.looseObject({ dst: z.string(), dev: z.string().optional() })

/** Takes away each default route that does not go over the data NIC; the undo puts the same line back. */
async function yieldDefaultRoutes(
  vm: VirtualMachine,
  dataInterface: string,
  recordUndo: RecordUndo,
): Promise<void> {
  for (const family of ['-4', '-6']) {
    const json = (await vm.ssh.run(['ip', '-json', family, 'route', 'show', 'default'])).stdout
    const routes = z.array(routeSchema).parse(JSON.parse(json || '[]'))
    const lines = (await vm.ssh.run(['ip', family, 'route', 'show', 'default'])).stdout
      .split('\n')
      .filter(Boolean)
    for (const [index, route] of routes.entries()) {
      if (route.dev === dataInterface || route.dev === undefined) continue
      const words = (lines[index] ?? '').split(/\s+/).filter((word) => word && !transientWords.has(word))
      const wordsToKeep = dropExpiry(words)
      await recordUndo({
        what: `${vm.name}: the default route over ${route.dev}`,
        commands: [
          shell('ip "$@" 2>&1 | grep -v "File exists" || true', family, 'route', 'add', ...wordsToKeep),
        ],
      })
      await vm.ssh.run(['ip', family, 'route', 'del', ...wordsToKeep])
    }
  }
}

/** Words of `ip route show` that `ip route add` does not take. */
const transientWords = new Set(['linkdown', 'dead'])

function dropExpiry(words: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index < words.length; index++) {
    if (words[index] === 'expires') index++
    else kept.push(words[index]!)
  }
  return kept
}
