/**
 * The arguments after `--`: dpservice's own, also one per line in its configuration file. The names, defaults and
 * ranges are those of `conf.json` in ironcore-dev/dpservice.
 */
import { formatAddress, parseAddress } from '../shared/addresses.ts'
import { defaultPort } from '../shared/protocol.ts'
import { ArgumentError } from './eal-arguments.ts'
import type { LogFormat } from './log.ts'

export interface ServiceOptions {
  pf0: string
  pf1: string
  /** The hypervisor's underlay address; every other one is made from its /64. */
  ipv6: string
  vfPattern: string
  nicType: string
  dhcpMtu: number
  dhcpDns: string[]
  dhcpv6Dns: string[]
  ipv6Overlay: boolean
  offload: boolean
  grpcPort: number
  logFormat: LogFormat
}

type Setter = (options: ServiceOptions, value: string) => void
interface Option {
  /** Whether a value follows. */
  readonly value: boolean
  readonly set: Setter
}

const flag = (set: (options: ServiceOptions) => void): Option => ({ value: false, set })
const value = (set: Setter): Option => ({ value: true, set })
/** Taken and checked like dpservice does, without an effect on a kernel's data path. */
const unused = (check: (text: string) => unknown): Option => value((_, text) => void check(text))

const options: Readonly<Record<string, Option>> = {
  pf0: value((o, text) => void (o.pf0 = text)),
  pf1: value((o, text) => void (o.pf1 = text)),
  ipv6: value((o, text) => void (o.ipv6 = address(text, 6))),
  'vf-pattern': value((o, text) => void (o.vfPattern = text)),
  'nic-type': value((o, text) => void (o.nicType = choice(text, ['mellanox', 'tap', 'bluefield2', 'hw']))),
  'dhcp-mtu': value((o, text) => void (o.dhcpMtu = integer(text, 68, 1500))),
  'dhcp-dns': value((o, text) => void o.dhcpDns.push(address(text, 4))),
  'dhcpv6-dns': value((o, text) => void o.dhcpv6Dns.push(address(text, 6))),
  'enable-ipv6-overlay': flag((o) => void (o.ipv6Overlay = true)),
  'no-offload': flag((o) => void (o.offload = false)),
  'grpc-port': value((o, text) => void (o.grpcPort = integer(text, 1024, 65535))),
  'log-format': value((o, text) => void (o.logFormat = choice(text, ['text', 'json']))),
  'no-stats': flag(() => undefined),
  'flow-timeout': unused((text) => integer(text, 1, 300)),
  wcmp: unused((text) => integer(text, 0, 100)),
  color: unused((text) => choice(text, ['never', 'always', 'auto'])),
  'graphtrace-loglevel': unused((text) => integer(text, 0, 1)),
  'multiport-eswitch': flag(() => undefined),
  'active-lockfile': unused((text) => text),
  'sync-tap': unused((text) => text),
}
/** Keys that only the configuration file knows: the cards' EAL arguments. */
const fileOnly = new Set(['a-pf0', 'a-pf1'])

export function defaultServiceOptions(grpcPortVariable: string | undefined): ServiceOptions {
  return {
    pf0: '',
    pf1: '',
    ipv6: '',
    vfPattern: '',
    nicType: 'mellanox',
    dhcpMtu: 1500,
    dhcpDns: [],
    dhcpv6Dns: [],
    ipv6Overlay: false,
    offload: true,
    grpcPort: grpcPortVariable ? integer(grpcPortVariable, 1024, 65535) : defaultPort,
    logFormat: 'text',
  }
}

/** @throws ArgumentError on what dpservice does not know, and on a value out of its range. */
export function applyArguments(target: ServiceOptions, args: readonly string[]): void {
  const rest = [...args]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [, name = '', inline] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    const option = Object.hasOwn(options, name) ? options[name] : undefined
    if (!option) throw new ArgumentError(`unrecognized option '${word}'`)
    if (!option.value && inline !== undefined)
      throw new ArgumentError(`option '--${name}' allows no argument`)
    const text = option.value ? (inline ?? rest.shift()) : ''
    if (text === undefined) throw new ArgumentError(`option '--${name}' requires an argument`)
    option.set(target, text)
  }
}

/** @throws ArgumentError naming the line. */
export function applyConfigFile(target: ServiceOptions, content: string): void {
  for (const [index, line] of content.split('\n').entries()) {
    const [key, text] = line.trim().split(/\s+/)
    if (!key || key.startsWith('#') || fileOnly.has(key)) continue
    const option = Object.hasOwn(options, key) ? options[key] : undefined
    if (!option) throw new ArgumentError(`Config file: unknown key '${key}' on line ${index + 1}`)
    if (option.value && text === undefined) {
      throw new ArgumentError(`Config file: value required for key '${key}' on line ${index + 1}`)
    }
    option.set(target, text ?? '')
  }
}

function address(text: string, family: 4 | 6): string {
  const parsed = parseAddress(text)
  if (parsed?.family !== family) throw new ArgumentError(`Invalid IPv${family} address format: '${text}'`)
  return formatAddress(parsed)
}

function choice<T extends string>(text: string, choices: readonly T[]): T {
  const found = choices.find((one) => one === text)
  if (!found) throw new ArgumentError(`Invalid choice '${text}' (one of ${choices.join(', ')})`)
  return found
}

function integer(text: string, least: number, most: number): number {
  const number = Number(text)
  if (!/^\d+$/.test(text)) throw new ArgumentError(`Value '${text}' is not an integer`)
  if (number < least || number > most) {
    throw new ArgumentError(`Value '${text}' is not in range ${least}-${most}`)
  }
  return number
}
