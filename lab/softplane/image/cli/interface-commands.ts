/** Commands about interfaces. */
import type { InterfaceResult } from '../shared/protocol.ts'
import type { Status } from '../shared/status.ts'
import { itemStatus, optional, required, type Command } from './command.ts'
import { underlayRoute, type ObjectDocument, type View } from './document.ts'
import { interfaceFunctions } from './nat-commands.ts'

const nouns = ['interface', 'interfaces', 'iface', 'ifaces']
const unspecified = '::'

const view: View = {
  name: ({ metadata }) => String(metadata.id),
  headers: ['ID', 'VNI', 'Device', 'IPv4', 'IPv6', 'UnderlayRoute', 'VirtualFunction'],
  row: ({ metadata, spec: { vni, device, primary_ipv4, primary_ipv6, underlay_route, virtual_function } }) =>
    [
      metadata.id,
      vni,
      device,
      primary_ipv4,
      primary_ipv6,
      underlay_route,
      (virtual_function as { name: string } | undefined)?.name ?? '',
    ].map(String),
}

function describe(status: Status, id: unknown, found: InterfaceResult | undefined): ObjectDocument {
  const spec = found
    ? {
        vni: found.vni,
        device: found.device,
        primary_ipv4: found.ipv4,
        primary_ipv6: found.ipv6,
        underlay_route: found.underlayRoute,
        ...interfaceFunctions(found),
        metering: {}, // a port without a card has none
      }
    : { vni: 0 }
  return { kind: 'Interface', metadata: { id }, spec, status }
}

function describeCreated(status: Status, id: unknown, created: InterfaceResult | undefined): ObjectDocument {
  const document = describe(status, id, created)
  if (!created) return document
  return { ...document, spec: { ...document.spec, virtual_function: { name: created.virtualFunction } } }
}

const byId: Pick<Command, 'nouns' | 'flags' | 'params' | 'view'> = {
  nouns,
  flags: { id: required('string') },
  params: ({ id }) => ({ id }),
  view,
}

export const interfaceCommands: readonly Command[] = [
  {
    verb: 'create',
    nouns,
    flags: {
      id: required('string'),
      vni: required('uint32'),
      device: required('string'),
      ipv4: required('address'),
      ipv6: optional('address', unspecified),
      underlay: optional('address', unspecified),
      hostname: optional('string', ''),
      'pxe-server': optional('string', ''),
      'pxe-file-name': optional('string', ''),
      'total-meter-rate': optional('uint64', 0),
      'public-meter-rate': optional('uint64', 0),
    },
    method: 'CreateInterface',
    params: ({ id, vni, device, ipv4, ipv6, underlay, hostname, ...rates }) => {
      const [totalMeterRate, publicMeterRate] = [rates['total-meter-rate'], rates['public-meter-rate']]
      return { id, vni, device, ipv4, ipv6, underlay, hostname, totalMeterRate, publicMeterRate }
    },
    document: (status, result, { id }) =>
      describeCreated(status, id, result.interface as InterfaceResult | undefined),
    operation: (document) => `created, underlay route: ${underlayRoute(document)}`,
    view,
  },
  {
    verb: 'delete',
    ...byId,
    method: 'DeleteInterface',
    document: (status, _, { id }) => describe(status, id, undefined),
    operation: () => 'deleted',
  },
  {
    verb: 'get',
    ...byId,
    method: 'GetInterface',
    document: (status, result, { id }) =>
      describe(status, id, result.interface as InterfaceResult | undefined),
  },
  {
    verb: 'list',
    nouns,
    flags: { 'sort-by': optional('string', '') },
    method: 'ListInterfaces',
    params: () => ({}),
    document: (status, { interfaces }) => {
      const found = interfaces as InterfaceResult[] | undefined
      const items = found?.toSorted((a, b) => (a.id < b.id ? -1 : 1))
      return {
        kind: 'InterfaceList',
        metadata: {},
        status,
        items: items?.map((one) => describe(itemStatus, one.id, one)) ?? null,
      }
    },
    view,
  },
]
