/** What parameters of calls must be. */
import { formatAddress, maskPrefix, parseAddress, parsePrefix, type Prefix } from '../shared/addresses.ts'
import { RpcError } from '../shared/status.ts'

const mostVni = 2 ** 24 - 1

/** Compressed, or empty for the unspecified address. */
export function guestAddress(text: string, family: 4 | 6): string {
  const address = parseAddress(text)
  if (address?.family !== family)
    throw new RpcError('INVALID_ARGUMENT', `'${text}' is no IPv${family} address`)
  return address.value === 0n ? '' : formatAddress(address)
}

export function requirePrefix(text: string): Prefix {
  const prefix = parsePrefix(text)
  if (!prefix) throw new RpcError('INVALID_ARGUMENT', `'${text}' is no prefix`)
  return maskPrefix(prefix)
}

export function checkVni(vni: number): void {
  if (Number.isInteger(vni) && vni >= 1 && vni <= mostVni) return
  throw new RpcError('INVALID_ARGUMENT', `VNI ${vni} is not in range 1-${mostVni}`)
}

export function hostPrefix(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`
}
