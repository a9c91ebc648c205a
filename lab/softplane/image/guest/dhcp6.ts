/**
 * DHCPv6 (RFC 8415) for one address: the one that the interface has, for ever, to whoever asks. No state: the client's
 * own identity association is repeated with this address in it.
 */
import { addressBytes, parseAddress } from '../shared/addresses.ts'

export interface Lease6 {
  readonly address: string
  /** The port's MAC address, from which the server's DUID is made. */
  readonly mac: string
  readonly dns: readonly string[]
}

const types = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  informationRequest: 11,
} as const
const codes = {
  clientId: 1,
  serverId: 2,
  iaNa: 3,
  iaAddress: 5,
  status: 13,
  rapidCommit: 14,
  dns: 23,
} as const
const statuses = { success: 0, notOnLink: 4 } as const
const headerLength = 4
const infinite = 0xffffffff

/** The answer to a client's message, `undefined` for what gets none. */
export function answerDhcp6(message: Buffer, lease: Lease6): Buffer | undefined {
  if (message.length < headerLength) return undefined
  const options = parseOptions(message.subarray(headerLength))
  const clientId = options.get(codes.clientId)?.[0]
  const serverId = options.get(codes.serverId)?.[0]
  const own = serverDuid(lease.mac)
  if (serverId && !serverId.equals(own)) return undefined // it talks to another server
  const answer = answerTo(message[0], options, lease)
  if (!answer) return undefined
  return Buffer.concat([
    Buffer.from([answer.type]),
    message.subarray(1, headerLength),
    ...(clientId ? [option(codes.clientId, clientId)] : []),
    option(codes.serverId, own),
    ...answer.options,
    ...(lease.dns.length > 0 ? [option(codes.dns, Buffer.concat(lease.dns.map(bytesOf)))] : []),
  ])
}

type Options = ReadonlyMap<number, readonly Buffer[]>
interface Answer {
  readonly type: number
  readonly options: readonly Buffer[]
}

function answerTo(type: number | undefined, options: Options, lease: Lease6): Answer | undefined {
  const associations = (): Buffer[] => (options.get(codes.iaNa) ?? []).map((ia) => association(ia, lease))
  switch (type) {
    case types.solicit: {
      const rapid = options.has(codes.rapidCommit)
      return {
        type: rapid ? types.reply : types.advertise,
        options: [...associations(), ...(rapid ? [option(codes.rapidCommit, Buffer.alloc(0))] : [])],
      }
    }
    case types.request:
    case types.renew:
    case types.rebind:
      return { type: types.reply, options: associations() }
    case types.confirm: {
      const address = bytesOf(lease.address)
      const fits = (options.get(codes.iaNa) ?? []).every((ia) =>
        claimedAddresses(ia).every((one) => one.equals(address)),
      )
      return { type: types.reply, options: [status(fits ? statuses.success : statuses.notOnLink)] }
    }
    case types.release:
    case types.decline:
      return { type: types.reply, options: [status(statuses.success)] }
    case types.informationRequest:
      return { type: types.reply, options: [] }
    default:
      return undefined
  }
}

/** IAID, T1, T2, then the one address with its preferred and valid lifetimes. */
function association(request: Buffer, lease: Lease6): Buffer {
  const times = uint32(infinite, infinite)
  const address = option(codes.iaAddress, Buffer.concat([bytesOf(lease.address), times]))
  return option(codes.iaNa, Buffer.concat([request.subarray(0, 4), times, address]))
}

function claimedAddresses(association: Buffer): Buffer[] {
  const fields = 12
  const addresses = parseOptions(association.subarray(fields)).get(codes.iaAddress) ?? []
  return addresses.map((address) => address.subarray(0, 16))
}

/** DUID-LL of an Ethernet address. */
function serverDuid(mac: string): Buffer {
  return Buffer.concat([Buffer.from([0, 3, 0, 1]), Buffer.from(mac.replaceAll(':', ''), 'hex')])
}

function status(code: number): Buffer {
  return option(codes.status, Buffer.from([0, code]))
}

function option(code: number, value: Buffer): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt16BE(code, 0)
  header.writeUInt16BE(value.length, 2)
  return Buffer.concat([header, value])
}

function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index)
  return bytes
}

function parseOptions(bytes: Buffer): Map<number, Buffer[]> {
  const options = new Map<number, Buffer[]>()
  for (let at = 0; at + 4 <= bytes.length;) {
    const code = bytes.readUInt16BE(at)
    const length = bytes.readUInt16BE(at + 2)
    options.set(code, [...(options.get(code) ?? []), bytes.subarray(at + 4, at + 4 + length)])
    at += 4 + length
  }
  return options
}

function bytesOf(text: string): Buffer {
  const address = parseAddress(text)
  if (address?.family !== 6) throw new TypeError(`'${text}' is no IPv6 address`)
  return addressBytes(address)
}
