/** IP addresses and prefixes as numbers, and as the compressed text (RFC 5952) that dpservice prints. */
import { isIPv4, isIPv6 } from 'node:net'

export interface Address {
  readonly family: 4 | 6
  readonly value: bigint
}

export interface Prefix {
  readonly address: Address
  readonly length: number
}

export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: ipv4Value(text) }
  if (isIPv6(text) && !text.includes('%')) return { family: 6, value: ipv6Value(text) }
  return undefined
}

export function parsePrefix(text: string): Prefix | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text)
  const address = parseAddress(match?.[1] ?? '')
  const length = Number(match?.[2])
  if (!address || length > bits(address)) return undefined
  return { address, length }
}

/** The prefix with its host bits cleared, which is how routes are stored. */
export function maskPrefix({ address, length }: Prefix): Prefix {
  const shift = BigInt(bits(address) - length)
  return { address: { family: address.family, value: (address.value >> shift) << shift }, length }
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`
}

export function formatAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.')
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn)
  const zeros = longestZeroRun(groups)
  if (!zeros) return hexGroups(groups)
  return `${hexGroups(groups.slice(0, zeros.start))}::${hexGroups(groups.slice(zeros.start + zeros.length))}`
}

export function addressBytes({ family, value }: Address): Buffer {
  const length = family === 4 ? 4 : 16
  return Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex')
}

export function addressFromBytes(bytes: Buffer): Address {
  return { family: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${bytes.toString('hex')}`) }
}

function hexGroups(groups: readonly bigint[]): string {
  return groups.map((group) => group.toString(16)).join(':')
}

function bits(address: Address): number {
  return address.family === 4 ? 32 : 128
}

function ipv4Value(text: string): bigint {
  return text.split('.').reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function ipv6Value(text: string): bigint {
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (embedded) {
    const low = ipv4Value(embedded[2] ?? '')
    return ipv6Value(`${embedded[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`)
  }
  const [head = '', tail] = text.split('::')
  const before = head.split(':').filter(Boolean)
  const after = (tail ?? '').split(':').filter(Boolean)
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after]
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n)
}

function longestZeroRun(groups: readonly bigint[]): { start: number; length: number } | undefined {
  let best: { start: number; length: number } | undefined
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0n) length++
    if (length > 1 && length > (best?.length ?? 0)) best = { start, length }
  }
  return best
}
