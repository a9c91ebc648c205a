/** The table of `virsh domifaddr`: libvirt has this information in no other form. Four columns, nothing else is taken. */
import { isIP } from 'node:net'
import { DpbenchError } from '../../core/errors.ts'

export interface InterfaceAddress {
  /** Of the host's end, `vnet0`. */
  readonly interface: string
  /** Lower case. */
  readonly macAddress: string
  readonly family: 'ipv4' | 'ipv6'
  readonly address: string
}

/** @throws DpbenchError when a line is not of the known form. */
export function parseInterfaceAddresses(text: string): InterfaceAddress[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^-+$/.test(line) && !/^Name\s+MAC address\s/.test(line))
    .flatMap((line) => {
      const [name, mac, family, address, ...more] = line.split(/\s+/)
      const ip = address?.replace(/\/\d+$/, '') ?? ''
      // an interface without an address is shown with N/A in its place
      if (family === 'N/A') return []
      const known =
        name !== undefined &&
        mac !== undefined &&
        /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac) &&
        (family === 'ipv4' || family === 'ipv6') &&
        isIP(ip) === (family === 'ipv4' ? 4 : 6) &&
        more.length === 0
      if (!known) throw new DpbenchError(`virsh domifaddr printed a line of unknown form: ${line}`)
      return [{ interface: name, macAddress: mac.toLowerCase(), family, address: ip }]
    })
}
