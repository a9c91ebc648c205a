/** The most TCP payload that an Ethernet line can carry: no measurement across it can be right and above it. */
import type { Ceiling } from './sample.ts'

/** Preamble and start 8, header 14, checksum 4, gap between frames 12: bytes that every frame costs beside its MTU. */
const ethernetOverheadBytes = 38
const tcpHeaderBytes = 20
/** Linux uses timestamps unless told otherwise: 10 bytes, padded to 12. */
const tcpTimestampBytes = 12
const ipHeaderBytes = { ipv4: 20, ipv6: 40 } as const

export interface LineFormat {
  /** Of the inner packet: what the guest's interface has. */
  readonly mtu: number
  readonly family: 'ipv4' | 'ipv6'
  /** Added around each packet on the line; default 0. */
  readonly tunnelBytes?: number | undefined
}

/** TCP payload per byte on the line, between 0 and 1. MTU 1500 and IPv4 give 0.9415. */
export function tcpGoodputShare({ mtu, family, tunnelBytes = 0 }: LineFormat): number {
  return tcpPayloadBytes({ mtu, family }) / (mtu + tunnelBytes + ethernetOverheadBytes)
}

/** The TCP payload of a full segment (what the kernel calls the MSS, timestamps subtracted). */
export function tcpPayloadBytes({ mtu, family }: Pick<LineFormat, 'mtu' | 'family'>): number {
  const payload = mtu - ipHeaderBytes[family] - tcpHeaderBytes - tcpTimestampBytes
  if (!(payload > 0)) throw new RangeError(`an MTU of ${mtu} leaves no room for TCP payload`)
  return payload
}

/** The ceiling of a line. `linkBitsPerSecond` comes from the hypervisor (`ethtool`); `undefined` when it tells none. */
export function ceilingOf(linkBitsPerSecond: number | undefined, format: LineFormat): Ceiling {
  if (linkBitsPerSecond === undefined || !(linkBitsPerSecond > 0)) {
    return { state: 'unknown', reason: "the link's speed is unknown: its driver reports none" }
  }
  const share = tcpGoodputShare(format)
  const tunnel = format.tunnelBytes ? ` inside a tunnel of ${format.tunnelBytes} B` : ''
  return {
    state: 'known',
    bitsPerSecond: linkBitsPerSecond * share,
    basis:
      `${(share * 100).toFixed(2)} % of ${linkBitsPerSecond / 1e9} Gbit/s` +
      ` (MTU ${format.mtu}, ${format.family}${tunnel})`,
  }
}
