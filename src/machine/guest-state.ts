/** What a guest is known by, and what its data NIC has: one look, to be held against another one. */
import { MachineError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import type { RemoteHost } from '../transport/host.ts'

export interface NicState {
  readonly name: string
  /** Whether it has a carrier. */
  readonly up: boolean
  /** How often the carrier came and went since boot; `undefined` where the kernel does not count it. */
  readonly carrierChanges: number | undefined
  /** Without those of the link alone, which come and go with it. */
  readonly addresses: readonly string[]
}

export interface GuestState {
  /** `/proc/sys/kernel/random/boot_id` */
  readonly boot: string
  /** Of the NIC that was asked for, where it is there. */
  readonly nic: NicState | undefined
}

const script = `cat /proc/sys/kernel/random/boot_id || exit
[ -n "$1" ] && [ -d "/sys/class/net/$1" ] || exit 0
echo "carrier $(cat "/sys/class/net/$1/carrier" 2>/dev/null) $(cat "/sys/class/net/$1/carrier_changes" 2>/dev/null)"
ip -oneline address show dev "$1"`

/** @param nic the data NIC's name, where it is known. @throws CommandError, ConnectionError */
export async function guestState(guest: RemoteHost, nic?: string): Promise<GuestState> {
  const { stdout } = await guest.run(shell(script, nic ?? ''))
  return parseGuestState(guest.name, stdout, nic)
}

/** @throws MachineError when the guest told no boot id */
export function parseGuestState(machine: string, text: string, nic?: string): GuestState {
  const [boot = '', carrier, ...lines] = text.trim().split('\n')
  if (!/^[0-9a-f-]{36}$/.test(boot))
    throw new MachineError(`${machine} told no boot id: ${boot.slice(0, 120)}`)
  const [, up, changes] = /^carrier (\d*) (\d*)$/.exec(carrier ?? '') ?? []
  if (nic === undefined || up === undefined) return { boot, nic: undefined }
  const addresses = lines.flatMap((line) => {
    const [, address] = /\sinet6? (\S+?)(?:\/| peer )/.exec(line) ?? []
    return address === undefined || / scope link/.test(line) ? [] : [address]
  })
  const carrierChanges = changes ? Number(changes) : undefined
  // a NIC that is set down tells no carrier
  return { boot, nic: { name: nic, up: up === '1', carrierChanges, addresses } }
}
