/**
 * Whether the data plane, a guest, its link and its lease are still what they were: where one of them is not, what was measured
 * meanwhile tells nothing of the path.
 */
import type { Environment } from '../environment/environment.ts'
import { type NicState, guestState } from '../machine/guest-state.ts'
import type { Disturbance, Restart } from '../verdict/sample.ts'
import type { FlowRequest } from './flow-tools.ts'

export interface Identities {
  readonly dataplane: string
  /** By name. */
  readonly guests: ReadonlyMap<string, { readonly boot: string; readonly nic: NicState | undefined }>
}

/** What changes when the data plane or one of the guests restarts, and what a guest's data NIC has. */
export async function identities(
  { dataplane, guests }: Pick<Environment, 'dataplane' | 'guests'>,
  { from, to, backends = [to] }: Pick<FlowRequest, 'from' | 'to' | 'backends'>,
): Promise<Identities> {
  const states = [from, ...backends].map(
    async ({ name, ssh }) => [name, await guestState(ssh, guests.get(name)?.interface)] as const,
  )
  const [identity, ...found] = await Promise.all([dataplane.identity(), ...states])
  return { dataplane: identity, guests: new Map(found) }
}

export interface Changes {
  readonly restarts: readonly Restart[]
  readonly disturbances: readonly Disturbance[]
}

/** @param addressesOf those of a guest that the config has */
export function changes(
  before: Identities,
  after: Identities,
  addressesOf: (guest: string) => readonly string[],
): Changes {
  const restarts: Restart[] = []
  const disturbances: Disturbance[] = []
  if (before.dataplane !== after.dataplane) {
    const detail = `before: ${before.dataplane}; after: ${after.dataplane}`
    restarts.push({ machine: 'the data plane', what: 'dpservice', detail })
  }
  for (const [machine, then] of before.guests) {
    const now = after.guests.get(machine)
    if (now === undefined) continue
    if (then.boot !== now.boot) {
      const detail = `before: boot ${then.boot}; after: boot ${now.boot}`
      restarts.push({ machine, what: 'guest', detail })
    } else if (then.nic && now.nic) {
      const told = nicChanges(then.nic, now.nic, addressesOf(machine))
      disturbances.push(...told.map((detail) => ({ machine, detail })))
    }
  }
  return { restarts, disturbances }
}

function nicChanges(then: NicState, now: NicState, addresses: readonly string[]): string[] {
  const nic = `data NIC ${now.name}`
  const told: string[] = []
  if (then.up && !now.up)
    told.push(`the link of its ${nic} went down while it was measured, and is still down`)
  else if (then.carrierChanges !== now.carrierChanges)
    told.push(`the link of its ${nic} went down and up while it was measured`)
  const lost = addresses.filter(
    (address) => then.addresses.includes(address) && !now.addresses.includes(address),
  )
  if (lost.length > 0) {
    const has = now.addresses.join(', ') || 'no address'
    told.push(
      `its ${nic} lost ${lost.join(' and ')} while it was measured, and has ${has} now: its lease changed`,
    )
  }
  return told
}

/** By guest, the addresses that the config gives it. */
export function configuredAddresses({ vms }: Pick<Environment, 'vms'>): (guest: string) => string[] {
  return (guest) => {
    const { ipv4, ipv6 } = vms.get(guest)?.data ?? {}
    return [ipv4, ipv6].flatMap((address) => address ?? [])
  }
}
