/**
 * Underlay addresses and what follows from them. As in dpservice, whoever owns an underlay address decides which VNI
 * a packet sent to it enters, and senders know no more than the address: so softplane's generated addresses say it.
 *
 *     <the hypervisor's /64> : 0xdb 0x00 | VNI (3 bytes) | 0x00 | number (2 bytes)
 */
import { createHash } from 'node:crypto'
import {
  addressBytes,
  addressFromBytes,
  formatAddress,
  parseAddress,
  type Address,
} from '../shared/addresses.ts'

const mark = 0xdb00

/** The address of object `number` (from 1) in `vni` on the hypervisor that has `own`. */
export function generateUnderlay(own: Address, vni: number, number: number): Address {
  const bytes = addressBytes(own)
  bytes.writeUInt16BE(mark, 8)
  bytes.writeUIntBE(vni, 10, 3)
  bytes.writeUInt8(0, 13)
  bytes.writeUInt16BE(number, 14)
  return addressFromBytes(bytes)
}

/** The VNI that a generated address belongs to, `undefined` for one that somebody chose. */
export function underlayVni(address: Address): number | undefined {
  const bytes = addressBytes(address)
  return bytes.readUInt16BE(8) === mark && bytes.readUInt8(13) === 0 ? bytes.readUIntBE(10, 3) : undefined
}

export function sameHypervisor(one: Address, other: Address): boolean {
  return one.value >> 64n === other.value >> 64n
}

/** The tunnel's end on a hypervisor: both sides derive it from the /64 alone, so nobody has to ask. */
export interface TunnelEnd {
  readonly mac: string
  /** The next hop of routes through the tunnel. It exists only as a permanent neighbour. */
  readonly nextHop: string
}

export function tunnelEnd(hypervisor: Address): TunnelEnd {
  return endOf(addressBytes(hypervisor).subarray(0, 8))
}

/** The tunnel's end for one underlay address: by its MAC the receiver tells what was sent to this address alone. */
export function targetEnd(underlay: Address): TunnelEnd {
  return endOf(addressBytes(underlay))
}

function endOf(identity: Buffer): TunnelEnd {
  const hash = createHash('sha256').update(identity).digest()
  const bytes = Buffer.concat([Buffer.from([0x02]), hash.subarray(0, 5)]) // locally administered, unicast
  const nextHop = BigInt(`0x${bytes.toString('hex')}`) | (0xfe80n << 112n)
  return { mac: formatMac(bytes), nextHop: formatAddress({ family: 6, value: nextHop }) }
}

/** Another MAC address than the port's own, for its other end: with the same one a bridge keeps the frames. */
export function peerMac(mac: string): string {
  const hash = createHash('sha256').update(mac).digest()
  return formatMac(Buffer.concat([Buffer.from([0x02]), hash.subarray(0, 5)]))
}

/** @throws TypeError for a text that was not checked before. */
export function requireAddress(text: string): Address {
  const address = parseAddress(text)
  if (!address) throw new TypeError(`'${text}' is no IP address`)
  return address
}

function formatMac(bytes: Buffer): string {
  return bytes.toString('hex').match(/../g)?.join(':') ?? ''
}
