/** A guest's interfaces and routes as `ip -json` tells them, and which of them is the data NIC. */
import { z } from 'zod'
import { DpbenchError } from '../core/errors.ts'
import type { RemoteHost } from '../transport/host.ts'

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
        tentative: z.boolean().optional(),
      }),
    )
    .default([]),
})
export type GuestLink = z.infer<typeof linkSchema>

/** All interfaces with their addresses. @throws CommandError */
export async function guestLinks(guest: RemoteHost): Promise<GuestLink[]> {
  const { stdout } = await guest.run(['ip', '-json', 'address', 'show'])
  return z.array(linkSchema).parse(JSON.parse(stdout))
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

/** The id of the guest's present boot: it changes with a reboot and with nothing else. */
export async function bootId(guest: RemoteHost): Promise<string> {
  return (await guest.readFile('/proc/sys/kernel/random/boot_id')).trim()
}
