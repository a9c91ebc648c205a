/** Commands about NAT, the NAT of neighbours, and virtual IPs. */
import type { NatResult, NeighborNatResult, VirtualIpResult } from '../shared/protocol.ts'
import { success, type Status } from '../shared/status.ts'
import { itemStatus, optional, required, type Command } from './command.ts'
import { underlayRoute, type ObjectDocument, type View } from './document.ts'
import { ClientError } from './flags.ts'

const nouns = ['nat', 'nats', 'translation']
const neighborNouns = ['neighbornat', 'neighbornats', 'neighnat', 'nnat', 'ngbnat']
const vipNouns = ['virtualip', 'virtualips', 'vip', 'vips']
const unspecified = '::'

const natHeaders = ['IP', 'MinPort', 'MaxPort', 'UnderlayRoute']
const natCells = ({ metadata, spec }: ObjectDocument): string[] =>
  [spec.nat_ip ?? metadata.nat_ip, spec.min_port, spec.max_port, spec.underlay_route ?? ''].map(String)

const natView: View = {
  name: ({ metadata }) => String(metadata.interface_id ?? ''),
  headers: ['InterfaceID', ...natHeaders],
  row: (document) => [String(document.metadata.interface_id ?? ''), ...natCells(document)],
}

const neighborView: View = {
  name: ({ metadata }) => String(metadata.nat_ip),
  headers: ['VNI', ...natHeaders],
  row: (document) => [Number(document.spec.vni), ...natCells(document)],
}

const vipView: View = {
  name: ({ metadata }) => `on interface: ${String(metadata.interface_id)}`,
  headers: ['InterfaceID', 'VirtualIP', 'UnderlayRoute'],
  row: ({ metadata, spec }) => [metadata.interface_id, spec.vip_ip, spec.underlay_route ?? ''].map(String),
}

export function describeNat(
  status: Status,
  interfaceId: unknown,
  nat: NatResult | undefined,
): ObjectDocument {
  const spec = nat
    ? {
        nat_ip: nat.natIp,
        min_port: nat.minPort,
        max_port: nat.maxPort,
        underlay_route: nat.underlayRoute,
        vni: nat.vni,
      }
    : { min_port: 0, max_port: 0, vni: 0 }
  return { kind: 'Nat', metadata: { interface_id: interfaceId }, spec, status }
}

function describeNeighbor(status: Status, nat: NeighborNatResult): ObjectDocument {
  const { natIp, vni, minPort, maxPort } = nat
  const spec = { vni, min_port: minPort, max_port: maxPort, underlay_route: nat.underlayRoute }
  return { kind: 'NeighborNat', metadata: { nat_ip: natIp }, spec, status }
}

export function describeVip(
  status: Status,
  interfaceId: unknown,
  vip: VirtualIpResult | undefined,
): ObjectDocument {
  const spec = vip ? { vip_ip: vip.vip, underlay_route: vip.underlayRoute } : { vip_ip: null }
  return { kind: 'VirtualIP', metadata: { interface_id: interfaceId }, spec, status }
}

const ofInterface: Pick<Command, 'flags' | 'params'> = {
  flags: { 'interface-id': required('string') },
  params: (flags) => ({ interfaceId: flags['interface-id'] }),
}

const nat = {
  nouns,
  document: (status, result, flags) =>
    describeNat(status, flags['interface-id'], result.nat as NatResult | undefined),
  view: natView,
} satisfies Partial<Command>

const neighborRange = {
  'nat-ip': required('address'),
  vni: required('uint32'),
  minport: required('uint32'),
  maxport: required('uint32'),
} as const

const neighborParams: Command['params'] = (flags) => ({
  natIp: flags['nat-ip'],
  vni: flags.vni,
  minPort: flags.minport,
  maxPort: flags.maxport,
  underlayRoute: flags.underlayroute,
})

const neighbor = {
  nouns: neighborNouns,
  params: neighborParams,
  document: (status, _, flags) =>
    describeNeighbor(status, neighborParams(flags) as unknown as NeighborNatResult),
  view: neighborView,
} satisfies Partial<Command>

const vip = {
  nouns: vipNouns,
  document: (status, result, flags) =>
    describeVip(status, flags['interface-id'], result.vip as VirtualIpResult | undefined),
  view: vipView,
} satisfies Partial<Command>

const natTypes = ['any', 'local', 'neigh']

export const natCommands: readonly Command[] = [
  {
    verb: 'create',
    ...nat,
    flags: {
      'interface-id': required('string'),
      'nat-ip': required('address'),
      minport: required('uint32'),
      maxport: required('uint32'),
      underlay: optional('address', unspecified),
    },
    method: 'CreateNat',
    params: (flags) => ({
      interfaceId: flags['interface-id'],
      natIp: flags['nat-ip'],
      minPort: flags.minport,
      maxPort: flags.maxport,
      underlay: flags.underlay,
    }),
    operation: (document) => `created, underlay route: ${underlayRoute(document)}`,
  },
  { verb: 'delete', ...nat, ...ofInterface, method: 'DeleteNat', operation: () => 'deleted' },
  { verb: 'get', ...nat, ...ofInterface, method: 'GetNat' },
  {
    verb: 'list',
    nouns,
    flags: {
      'nat-ip': optional('address', '0.0.0.0'),
      'nat-type': optional('string', 'any'),
      'sort-by': optional('string', ''),
    },
    method: 'ListNats',
    params: (flags) => {
      const type = String(flags['nat-type']).toLowerCase()
      if (!natTypes.includes(type)) throw new ClientError(`NAT type can be only: ${natTypes.join('/')}`)
      return { natIp: flags['nat-ip'], type }
    },
    document: (status, { nats }, flags) => {
      const found = nats as (NatResult | NeighborNatResult)[] | undefined
      const items = found?.map((each) =>
        'interfaceId' in each
          ? describeNat(itemStatus, each.interfaceId, each)
          : describeNeighbor(itemStatus, each),
      )
      const metadata = { nat_ip: flags['nat-ip'], nat_type: flags['nat-type'] }
      return { kind: 'NatList', metadata, status, items: items ?? null }
    },
    view: natView,
  },
  {
    verb: 'create',
    ...neighbor,
    flags: { ...neighborRange, underlayroute: required('address') },
    method: 'CreateNeighborNat',
    operation: (document) => `created, underlay route: ${underlayRoute(document)}`,
  },
  {
    verb: 'delete',
    ...neighbor,
    flags: neighborRange,
    method: 'DeleteNeighborNat',
    operation: () => 'deleted',
  },
  {
    verb: 'create',
    ...vip,
    flags: {
      'interface-id': required('string'),
      vip: required('address'),
      underlay: optional('address', unspecified),
    },
    method: 'CreateVip',
    params: (flags) => ({ interfaceId: flags['interface-id'], vip: flags.vip, underlay: flags.underlay }),
    operation: (document) => `created, underlay route: ${underlayRoute(document)}`,
  },
  { verb: 'delete', ...vip, ...ofInterface, method: 'DeleteVip', operation: () => 'deleted' },
  { verb: 'get', ...vip, ...ofInterface, method: 'GetVip' },
]

/** An interface shows what it has, as parts of itself. */
export function interfaceFunctions(found: {
  nat?: NatResult | undefined
  vip?: VirtualIpResult | undefined
}): object {
  return {
    ...(found.nat ? { nat: describeNat(success, found.nat.interfaceId, found.nat) } : {}),
    ...(found.vip ? { vip: describeVip(success, found.vip.interfaceId, found.vip) } : {}),
  }
}
