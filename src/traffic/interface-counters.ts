/** What the kernel counted on an interface: the check that packets had the size that was asked for. */
import { shell } from '../core/shell-quote.ts'
import type { TrafficEnd } from '../machine/traffic-end.ts'
import type { Family } from '../machine/virtual-machine.ts'

export interface InterfaceCounters {
  readonly sentPackets: number
  readonly sentBytes: number
}

/** @throws CommandError */
export async function interfaceCounters({ ssh }: TrafficEnd, name: string): Promise<InterfaceCounters> {
  const { stdout } = await ssh.run(
    shell('cd "/sys/class/net/$1/statistics" && cat tx_packets tx_bytes', name),
  )
  const [packets = '', bytes = ''] = stdout.trim().split('\n')
  return { sentPackets: Number(packets), sentBytes: Number(bytes) }
}

/** Ethernet's header, which Linux counts in, then IP's and UDP's. */
const headerBytes: Record<Family, number> = { ipv4: 14 + 20 + 8, ipv6: 14 + 40 + 8 }
/** What iperf3's control connection and neighbour discovery add to few packets. */
const tolerance = 0.05

/** In a sentence, why the packets were not of this size; `undefined` when they were. */
export function wrongSize(
  before: InterfaceCounters,
  after: InterfaceCounters,
  payloadBytes: number,
  family: Family,
): string | undefined {
  const packets = after.sentPackets - before.sentPackets
  if (packets <= 0) return 'the data NIC of the sender counted no packet'
  const mean = (after.sentBytes - before.sentBytes) / packets
  const expected = payloadBytes + headerBytes[family]
  if (Math.abs(mean / expected - 1) <= tolerance) return undefined
  return (
    `packets of ${expected} B were to be sent (${payloadBytes} B of payload), and the sender's NIC counted ` +
    `${mean.toFixed(1)} B on average over ${packets} packets`
  )
}
