/** Commands about load balancers and their targets. */
import type { LoadBalancerResult } from '../shared/protocol.ts'
import type { Status } from '../shared/status.ts'
import { itemStatus, optional, required, type Command } from './command.ts'
import { underlayRoute, type ObjectDocument, type View } from './document.ts'
import { ClientError } from './flags.ts'

const nouns = ['loadbalancer', 'loadbalancers', 'lb', 'lbs']
const targetNouns = [
  ['loadbalancer-target', 'loadbalancer-targets'],
  ['lbtarget', 'lbtargets', 'lbtrgt', 'lbtrgts'],
].flat()
const unspecified = '::'
/** IP's numbers of the protocols. */
const protocolNumbers: Readonly<Record<string, number>> = { TCP: 6, UDP: 17 }

type Port = LoadBalancerResult['ports'][number]

const view: View = {
  name: ({ metadata }) => String(metadata.id),
  headers: ['ID', 'VNI', 'VIP', 'Lbports', 'UnderlayRoute'],
  row: ({ metadata, spec }) => [
    String(metadata.id),
    Number(spec.vni),
    String(spec.loadbalanced_ip ?? ''),
    ((spec.loadbalanced_ports as Port[] | undefined) ?? []).map(showPort).join(','),
    String(spec.underlay_route ?? ''),
  ],
}

const targetView: View = {
  name: ({ metadata }) => `on loadbalancer: ${String(metadata.loadbalancer_id)}`,
  headers: ['LoadBalancerID', 'TargetIP'],
  row: ({ metadata, spec }) => [metadata.loadbalancer_id, spec.target_ip].map(String),
}

function showPort({ protocol, port }: Port): string {
  const name = Object.keys(protocolNumbers).find((key) => protocolNumbers[key] === protocol)
  return `${name ?? protocol}/${port}`
}

/** `TCP/443,UDP/53` @throws ClientError */
function parsePorts(text: string): Port[] {
  return text.split(',').map((part) => {
    const [, name = '', digits = ''] = /^(\w+)\/(\d{1,5})$/.exec(part.trim()) ?? []
    const protocol = protocolNumbers[name.toUpperCase()]
    const port = Number(digits)
    if (protocol === undefined || port < 1 || port > 65535)
      throw new ClientError(
        `invalid argument "${text}" for "--lbports" flag: "${part}" is no TCP/port or UDP/port`,
      )
    return { protocol, port }
  })
}

function describe(status: Status, id: unknown, found: LoadBalancerResult | undefined): ObjectDocument {
  const spec = found
    ? {
        vni: found.vni,
        loadbalanced_ip: found.vip,
        loadbalanced_ports: found.ports,
        underlay_route: found.underlayRoute,
      }
    : { vni: 0 }
  return { kind: 'LoadBalancer', metadata: { id }, spec, status }
}

const byId: Pick<Command, 'nouns' | 'flags' | 'params' | 'view' | 'document'> = {
  nouns,
  flags: { id: required('string') },
  params: ({ id }) => ({ id }),
  document: (status, result, { id }) =>
    describe(status, id, result.loadBalancer as LoadBalancerResult | undefined),
  view,
}

function describeTarget(status: Status, id: unknown, targetIp: unknown): ObjectDocument {
  return {
    kind: 'LoadBalancerTarget',
    metadata: { loadbalancer_id: id },
    spec: { target_ip: targetIp },
    status,
  }
}

const oneTarget: Pick<Command, 'nouns' | 'flags' | 'params' | 'view' | 'document'> = {
  nouns: targetNouns,
  flags: { 'target-ip': required('address'), 'lb-id': required('string') },
  params: (flags) => ({ id: flags['lb-id'], targetIp: flags['target-ip'] }),
  document: (status, _, flags) => describeTarget(status, flags['lb-id'], flags['target-ip']),
  view: targetView,
}

export const loadBalancerCommands: readonly Command[] = [
  {
    verb: 'create',
    ...byId,
    flags: {
      id: required('string'),
      vni: required('uint32'),
      vip: required('address'),
      lbports: required('string'),
      underlay: optional('address', unspecified),
    },
    method: 'CreateLoadBalancer',
    params: ({ id, vni, vip, lbports, underlay }) => ({
      id,
      vni,
      vip,
      ports: parsePorts(String(lbports)),
      underlay,
    }),
    operation: (document) => `created, underlay route: ${underlayRoute(document)}`,
  },
  { verb: 'delete', ...byId, method: 'DeleteLoadBalancer', operation: () => 'deleted' },
  { verb: 'get', ...byId, method: 'GetLoadBalancer' },
  {
    verb: 'list',
    nouns,
    flags: { 'sort-by': optional('string', '') },
    method: 'ListLoadBalancers',
    params: () => ({}),
    document: (status, { loadBalancers }) => {
      const found = loadBalancers as LoadBalancerResult[] | undefined
      const items = found?.map((each) => describe(itemStatus, each.id, each))
      return { kind: 'LoadBalancerList', metadata: {}, status, items: items ?? null }
    },
    view,
  },
  { verb: 'create', ...oneTarget, method: 'CreateLoadBalancerTarget', operation: () => 'created' },
  { verb: 'delete', ...oneTarget, method: 'DeleteLoadBalancerTarget', operation: () => 'deleted' },
  {
    verb: 'list',
    nouns: targetNouns,
    flags: { 'lb-id': required('string'), 'sort-by': optional('string', '') },
    method: 'ListLoadBalancerTargets',
    params: (flags) => ({ id: flags['lb-id'] }),
    document: (status, { targets }, flags) => {
      const id = flags['lb-id']
      const items = (targets as string[] | undefined)?.map((each) => describeTarget(itemStatus, id, each))
      return {
        kind: 'LoadBalancerTargetList',
        metadata: { loadbalancer_id: id },
        status,
        items: items ?? null,
      }
    },
    view: targetView,
  },
]
