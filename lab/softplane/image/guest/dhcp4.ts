/**
 * DHCPv4 as dpservice answers it (`src/nodes/dhcp_node.c`): DISCOVER gets an OFFER and REQUEST an ACK, always of the
 * one address that the interface has, for ever, to whoever asks. No state.
 */
import { addressBytes, parseAddress } from '../shared/addresses.ts'

export interface Lease4 {
  readonly address: string
  readonly mtu: number
  readonly hostname: string
  readonly dns: readonly string[]
}

const gateway = bytesOf('169.254.0.1')
const magic = Buffer.from([0x63, 0x82, 0x53, 0x63])
/** op to hops, xid, secs, flags, ciaddr to giaddr, chaddr, sname, file; then the magic cookie. RFC 2131. */
const fixedLength = 236
const request = 1
const reply = 2
const offset = { yiaddr: 16, siaddr: 20, giaddr: 24, sname: 44 } as const
const messageTypes = { discover: 1, offer: 2, request: 3, ack: 5 } as const
const codes = {
  pad: 0,
  subnetMask: 1,
  dns: 6,
  hostname: 12,
  mtu: 26,
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverId: 54,
  classlessRoutes: 121,
  end: 255,
} as const
const infinite = Buffer.alloc(4, 0xff)
/** 169.254.0.0/16 on the link, everything else by the gateway. RFC 3442. */
const classlessRoutes = Buffer.concat([Buffer.from([16, 169, 254, 0, 0, 0, 0]), Buffer.from([0]), gateway])
/** Some clients drop what is shorter than a BOOTP message. */
const leastLength = 300

/** The answer to a client's message, `undefined` for what gets none. */
export function answerDhcp4(message: Buffer, lease: Lease4): Buffer | undefined {
  if (message.length < fixedLength + magic.length || message[0] !== request) return undefined
  if (!message.subarray(fixedLength, fixedLength + magic.length).equals(magic)) return undefined
  const options = parseOptions(message.subarray(fixedLength + magic.length))
  const type = options.get(codes.messageType)?.[0]
  if (type !== messageTypes.discover && type !== messageTypes.request) return undefined

  const header = Buffer.from(message.subarray(0, fixedLength))
  header[0] = reply
  bytesOf(lease.address).copy(header, offset.yiaddr)
  gateway.copy(header, offset.siaddr)
  gateway.copy(header, offset.giaddr)
  header.fill(0, offset.sname)
  const answer = type === messageTypes.discover ? messageTypes.offer : messageTypes.ack
  const body = Buffer.concat([
    header,
    magic,
    option(codes.messageType, Buffer.from([answer])),
    option(codes.leaseTime, infinite),
    option(codes.serverId, gateway),
    option(codes.classlessRoutes, classlessRoutes),
    option(codes.subnetMask, Buffer.alloc(4, 0xff)),
    option(codes.mtu, Buffer.from([lease.mtu >> 8, lease.mtu & 0xff])),
    option(codes.dns, Buffer.concat(lease.dns.map(bytesOf))),
    option(codes.hostname, Buffer.from(lease.hostname)),
    Buffer.from([codes.end]),
  ])
  return Buffer.concat([body, Buffer.alloc(Math.max(0, leastLength - body.length))])
}

function option(code: number, value: Buffer): Buffer {
  return value.length === 0 ? value : Buffer.concat([Buffer.from([code, value.length]), value])
}

function parseOptions(bytes: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>()
  for (let at = 0; at < bytes.length;) {
    const code = bytes[at++]
    if (code === undefined || code === codes.end) break
    if (code === codes.pad) continue
    const length = bytes[at++] ?? 0
    options.set(code, bytes.subarray(at, at + length))
    at += length
  }
  return options
}

function bytesOf(text: string): Buffer {
  const address = parseAddress(text)
  if (address?.family !== 4) throw new TypeError(`'${text}' is no IPv4 address`)
  return addressBytes(address)
}
