/** A guest's interfaces and routes as `ip -json` tells them, and which of them is the data NIC. */
import { z } from 'zod'
import { DpbenchError, MachineError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { toolJson } from '../core/tool-output.ts'
import type { RemoteHost } from '../transport/host.ts'
import { withoutState } from './others-on-link.ts'

const linkSchema = z.object({
  ifname: z.string(),
  address: z.string().optional(),
  link_type: z.string(),
  operstate: z.string().optional(),
  mtu: z.number(),
  flags: z.array(z.string()),
  addr_info: z
    .array(
      z.object({
        family: z.string(),
        local: z.string().optional(),
        prefixlen: z.number(),
        scope: z.string().optional(),
        broadcast: z.string().optional(),
        label: z.string().optional(),
        metric: z.number().optional(),
        nodad: z.boolean().optional(),
        noprefixroute: z.boolean().optional(),
        /** With a lifetime, as a lease has. */
        dynamic: z.boolean().optional(),
        tentative: z.boolean().optional(),
      }),
    )
    .default([]),
})
export type GuestLink = z.infer<typeof linkSchema>

/** All interfaces with their addresses. @throws CommandError */
export async function guestLinks(guest: RemoteHost): Promise<GuestLink[]> {
  const { stdout } = await guest.run(['ip', '-json', 'address', 'show'])
  return toolJson(z.array(linkSchema), stdout, `${guest.name}: ip -json address`)
}

/**
 * The data NIC: the one Ethernet interface that is not the management NIC.
 * @throws DpbenchError when there is none, or more than one to choose from.
 */
export function dataLink(
  name: string,
  links: readonly GuestLink[],
  managementMac: string | undefined,
): GuestLink {
  const ethernet = links.filter((link) => link.link_type === 'ether')
  const candidates = ethernet.filter((link) => link.address?.toLowerCase() !== managementMac?.toLowerCase())
  const [found, ...others] = candidates
  if (found && others.length === 0) return found
  const list = ethernet.map((link) => `${link.ifname} (${link.address ?? 'no address'})`).join(', ') || 'none'
  throw new DpbenchError(
    `${name}: cannot tell its data NIC: expected one Ethernet interface besides the management NIC ` +
      `(${managementMac ?? 'no mac_address in the working config'}), found: ${list}`,
  )
}

/** Whether `link` has `address`. */
export function hasAddress(link: GuestLink, address: string): boolean {
  return link.addr_info.some((info) => info.local === address)
}

export interface GuestFacts {
  readonly bootId: string
  readonly links: readonly GuestLink[]
  /** What manages the interfaces, or could. */
  readonly dhcp: 'networkd' | 'dhclient' | 'none'
  readonly defaultRoutes: readonly DefaultRoute[]
  /** All of them, as `ip route show table all` tells them. */
  readonly routes: Readonly<Record<'-4' | '-6', string>>
}

export interface DefaultRoute {
  readonly family: '-4' | '-6'
  readonly dev: string
  /** As `ip route add` takes them. */
  readonly words: readonly string[]
}

const factsScript = `section() { printf '\\f'; }
cat /proc/sys/kernel/random/boot_id
section; ip -json address show
section; if command -v networkctl >/dev/null && systemctl is-active --quiet systemd-networkd; then echo networkd
elif command -v dhclient >/dev/null; then echo dhclient; else echo none; fi
section; ip -4 route show default
section; ip -6 route show default
section; ip -4 route show table all
section; ip -6 route show table all`

/** What the preparation of a guest begins with, in one command. @throws CommandError */
export async function guestFacts(guest: RemoteHost): Promise<GuestFacts> {
  const { stdout } = await guest.run(shell(factsScript))
  const [boot = '', links = '', dhcp = '', routes4 = '', routes6 = '', all4 = '', all6 = ''] =
    stdout.split('\f')
  return {
    bootId: boot.trim(),
    links: toolJson(z.array(linkSchema), links, `${guest.name}: ip -json address`),
    dhcp: dhcpOf(guest.name, dhcp.trim()),
    defaultRoutes: [...defaultRoutes('-4', routes4), ...defaultRoutes('-6', routes6)],
    routes: { '-4': all4, '-6': all6 },
  }
}

function dhcpOf(machine: string, said: string): GuestFacts['dhcp'] {
  if (said === 'networkd' || said === 'dhclient' || said === 'none') return said
  throw new MachineError(
    `${machine}: what manages its interfaces was not told: ${said.slice(0, 120) || 'nothing'}`,
  )
}

/** Routes of several hops, on lines of their own below, have no `dev` and are left alone. */
function defaultRoutes(family: '-4' | '-6', text: string): DefaultRoute[] {
  return text.split('\n').flatMap((line) => {
    const words = withoutState(line.split(/\s+/).filter(Boolean))
    const dev = words[words.indexOf('dev') + 1]
    return line.startsWith('default') && words.includes('dev') && dev ? [{ family, dev, words }] : []
  })
}

/** The id of the guest's present boot: it changes with a reboot and with nothing else. */
export async function bootId(guest: RemoteHost): Promise<string> {
  return (await guest.readFile('/proc/sys/kernel/random/boot_id')).trim()
}
