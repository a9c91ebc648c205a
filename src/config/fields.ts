/** The kinds of value that a config file holds, each with the sentence that a wrong one gets. */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { parsePciAddress } from './pci-address.ts'

/** Shows what was written, short enough for one line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** A string that must satisfy `holds`; otherwise the fault says `is not <kind>; write <example>`. `kind` is its title. */
export function text(kind: string, example: string, holds: (value: string) => boolean) {
  return z
    .string({ error: (issue) => wrong(issue.input, kind, example) })
    .refine(holds, { error: (issue) => wrong(issue.input, kind, example) })
    .meta({ title: kind })
}

/** A number in a range, whole unless `fraction`. */
export function number(kind: string, min: number, max: number, options: { fraction?: boolean } = {}) {
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`
  const example = options.fraction ? `a number, ${range}` : `a whole number, ${range}`
  const error = (issue: { input?: unknown }) => wrong(issue.input, kind, example)
  const base = z.number({ error }).min(min, { error }).max(max, { error })
  return options.fraction ? base : base.int({ error })
}

export function wrong(input: unknown, kind: string, example: string): string {
  if (input === undefined) return `is missing; write ${kind}, for example ${example}`
  return `${shown(input)} is not ${kind}; write ${example}`
}

/** An object that knows all its keys; `what` shows how to write one. */
export const object = <T extends z.ZodRawShape>(shape: T, what: string) =>
  z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'invalid_type') return undefined
      return issue.input === undefined
        ? `is missing; write ${what}`
        : `${shown(issue.input)} is not an object; write ${what}`
    },
  })

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  const choice = values.map((value) => `"${value}"`).join(', ')
  return z.enum(values, {
    error: (issue) =>
      issue.input === undefined
        ? `is missing; write one of ${choice}`
        : `${shown(issue.input)} is not possible; write one of ${choice}`,
  })
}

export function yesNo() {
  return z.boolean({ error: (issue) => `${shown(issue.input)} is not true or false; write true or false` })
}

export function listOf<T extends z.ZodType>(item: T, what: string) {
  return z.array(item, {
    error: (issue) =>
      issue.input === undefined
        ? `is missing; write a list of ${what}`
        : `${shown(issue.input)} is not a list; write [ … ] with ${what}`,
  })
}

/** Names become file, container, domain and (VMs) interface names: Linux allows an interface 15 characters. */
export const hypervisorName = () => machineName(48)
export const vmName = () => machineName(15)
const machineName = (limit: number) =>
  text(
    `a machine name (letters, digits, - and _, at most ${limit}, beginning with a letter)`,
    limit === 15 ? '"vm1"' : '"hypervisor-1"',
    (value) => value.length <= limit && /^[A-Za-z][A-Za-z0-9_-]*$/.test(value),
  )

export const plainName = (kind: string, example: string) =>
  text(kind, example, (value) => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(value))
export const netdevName = (example: string) =>
  text('the name of a network device (at most 15 characters)', example, (value) =>
    /^(?!\.{1,2}$)[^\s/:]{1,15}$/.test(value),
  )
export const ipv4 = () => text('an IPv4 address', '"192.168.129.5"', (value) => isIP(value) === 4)
export const ipv6 = () =>
  text('an IPv6 address', '"2002::123"', (value) => isIP(value) === 6 && !value.includes('%'))
export const ipAddress = () =>
  text('an IP address', '"10.20.30.30"', (value) => isIP(value) !== 0 && !value.includes('%'))
export const hostAddress = () =>
  text(
    'a host name or an IP address',
    '"192.168.23.166"',
    // all digits and dots is an address that somebody mistyped, never a host name
    (value) =>
      isIP(value) !== 0 ||
      (/^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(value) && !/^[\d.]+$/.test(value)),
  )
export const macAddress = () =>
  text('a unicast MAC address', '"52:54:00:12:34:56"', (value) =>
    /^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$/.test(value),
  )
export const pciAddress = () =>
  text('a VF representor', '"0000:8a:00.0_representor_vf2"', (value) => parsePciAddress(value) !== undefined)
export const port = (kind = 'a port') => number(kind, 1, 65_535)
export const vni = () => number('a VNI', 0, 16_777_215)
export const gbits = () => number('a throughput in Gbit/s', 0.001, 10_000, { fraction: true })
export const path = (example: string) =>
  text('a path', example, (value) => value.trim() !== '' && !value.includes('\0'))
export const absolutePath = (example: string) =>
  text('an absolute path', example, (value) => /^\/[^\0\n]*$/.test(value) && !value.split('/').includes('..'))
export const word = (kind: string, example: string) =>
  text(kind, example, (value) => value.length > 0 && !/[\0\n]/.test(value))
export const cpuset = () =>
  text("host CPUs in libvirt's notation", '"2-3,6"', (value) =>
    /^\^?\d+(-\d+)?(,\^?\d+(-\d+)?)*$/.test(value),
  )
export const hostKey = () =>
  text(
    'a host key',
    '"ssh-ed25519 AAAA…", "SHA256:…" or the path of a public key file',
    (value) => value.trim() !== '',
  )

/** An address in its one shortest form, so that two spellings compare equal. */
export function canonicalAddress(value: string): string {
  return isIP(value) === 0 ? value.toLowerCase() : ipaddr.parse(value).toString()
}
