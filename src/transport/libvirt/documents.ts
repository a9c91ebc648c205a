/** libvirt's XML documents, as far as they concern us. */
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { DpbenchError, describeError } from '../../core/errors.ts'

export interface Domain {
  readonly name: string
  readonly uuid?: string
  /** Of all its interfaces, lower case. */
  readonly macAddresses: readonly string[]
  /** PCI addresses of the host's devices that it was given, `0000:8a:00.2`. */
  readonly hostDevices: readonly string[]
  /** Files of its disks. */
  readonly diskFiles: readonly string[]
  /** The file that its serial console is written to as well. */
  readonly consoleLog?: string
  /** What dpbench wrote into its metadata; `undefined` for a domain of somebody else. */
  readonly provisioned?: ProvisionedMetadata
}

/** The element that marks a domain as made by dpbench. */
export interface ProvisionedMetadata {
  /** The environment that it belongs to: the id that clean-up compares. */
  readonly environment: string
  /** The run that made it. */
  readonly run: string
  /** Hash of all that it was made from. */
  readonly spec: string
  /** The SSH host key that it was given, `ssh-ed25519 AAAA…`. */
  readonly hostKey: string
  /** `user@machine:folder` of the dpbench that made it, for people. */
  readonly origin: string
}

export const metadataNamespace = 'https://github.com/ironcore-dev/dpbench/domain/1'

export interface Network {
  readonly name: string
  readonly uuid?: string
  readonly bridge?: string
  /** `nat`, `route`, …; without it the network leads nowhere. */
  readonly forward?: string
  /** MAC addresses that its DHCP is told about, lower case. */
  readonly hostMacAddresses: readonly string[]
  readonly hasDhcp: boolean
}

type Element = Record<string, unknown>

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  parseAttributeValue: false,
  // always lists: a document with one of them must not look different
  isArray: (_name, path) =>
    /\.(interface|disk|hostdev|serial|console|host|ip|provisioned|[\w-]+:provisioned)$/.test(String(path)),
})

/** @throws DpbenchError when the text is not well-formed, or more than a document of libvirt's may be. */
export function parseXml(text: string): Element {
  const valid = XMLValidator.validate(text)
  if (valid !== true) {
    throw new DpbenchError(
      `not well-formed XML: ${valid.err.msg} (line ${valid.err.line}, column ${valid.err.col})`,
    )
  }
  try {
    return parser.parse(text) as Element
  } catch (error) {
    // what the validator lets pass: external entities, elements nested without end
    throw new DpbenchError(`XML that is not read: ${describeError(error)}`, { cause: error })
  }
}

export function parseDomain(text: string): Domain {
  const domain = child(parseXml(text), 'domain')
  const devices = child(domain, 'devices')
  const name = textOf(domain.name)
  if (name === '') throw new DpbenchError('a libvirt domain document without a name')
  const uuid = textOf(domain.uuid)
  const provisioned = provisionedOf(child(domain, 'metadata'))
  const consoleLog = ['serial', 'console']
    .flatMap((kind) => children(devices, kind).map((one) => textOf(child(one, 'log')['@file'])))
    .find(Boolean)
  return {
    name,
    ...(uuid === '' ? {} : { uuid }),
    macAddresses: children(devices, 'interface')
      .map((one) => textOf(child(one, 'mac')['@address']).toLowerCase())
      .filter(Boolean),
    hostDevices: children(devices, 'hostdev')
      .filter((one) => one['@type'] === 'pci')
      .map((one) => pciAddressOf(child(child(one, 'source'), 'address'))),
    diskFiles: children(devices, 'disk')
      .map((one) => textOf(child(one, 'source')['@file']))
      .filter(Boolean),
    ...(consoleLog ? { consoleLog } : {}),
    ...(provisioned ? { provisioned } : {}),
  }
}

/** libvirt writes each part as hexadecimal, `0x0000`. */
function pciAddressOf(address: Element): string {
  const part = (key: string, digits: number): string =>
    Number(textOf(address[`@${key}`]))
      .toString(16)
      .padStart(digits, '0')
  return `${part('domain', 4)}:${part('bus', 2)}:${part('slot', 2)}.${part('function', 1)}`
}

/** Our element has our namespace; its prefix is whatever libvirt kept. */
function provisionedOf(metadata: Element): ProvisionedMetadata | undefined {
  for (const [tag, value] of Object.entries(metadata)) {
    const [prefix, local] = tag.includes(':') ? tag.split(':') : ['', tag]
    if (local !== 'provisioned' || !Array.isArray(value)) continue
    for (const element of value as Element[]) {
      const namespace = element[prefix === '' ? '@xmlns' : `@xmlns:${prefix}`]
      if (namespace !== metadataNamespace) continue
      const attribute = (key: string): string => textOf(element[`@${key}`])
      return {
        environment: attribute('environment'),
        run: attribute('run'),
        spec: attribute('spec'),
        hostKey: attribute('host-key'),
        origin: attribute('origin'),
      }
    }
  }
  return undefined
}

export function parseNetwork(text: string): Network {
  const network = child(parseXml(text), 'network')
  const dhcp = children(network, 'ip').flatMap((ip) => ('dhcp' in ip ? [child(ip, 'dhcp')] : []))
  const bridge = textOf(child(network, 'bridge')['@name'])
  const uuid = textOf(network.uuid)
  // libvirt: without a mode it is nat
  const forward = 'forward' in network ? textOf(child(network, 'forward')['@mode']) || 'nat' : ''
  return {
    name: textOf(network.name),
    ...(uuid === '' ? {} : { uuid }),
    ...(bridge === '' ? {} : { bridge }),
    ...(forward === '' ? {} : { forward }),
    hostMacAddresses: dhcp
      .flatMap((one) => children(one, 'host'))
      .map((one) => textOf(one['@mac']).toLowerCase())
      .filter(Boolean),
    hasDhcp: dhcp.length > 0,
  }
}

function child(element: Element, name: string): Element {
  const value = element[name]
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Element) : {}
}

function children(element: Element, name: string): Element[] {
  const value = element[name]
  return Array.isArray(value) ? (value as Element[]) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
