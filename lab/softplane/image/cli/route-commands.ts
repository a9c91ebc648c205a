/** Commands about routes. */
import type { RouteResult } from '../shared/protocol.ts'
import type { Status } from '../shared/status.ts'
import { itemStatus, optional, required, type Command } from './command.ts'
import type { Document, ObjectDocument, View } from './document.ts'

const nouns = ['route', 'routes', 'rt', 'rts']

interface NextHop {
  readonly vni: number
  readonly address?: string
}

const view: View = {
  name: ({ spec }) => `${String(spec.prefix)}-${(spec.next_hop as NextHop).vni}`,
  headers: ['Prefix', 'VNI', 'NextHopVNI', 'NextHopIP'],
  row: ({ metadata, spec }) => {
    const hop = spec.next_hop as NextHop
    return [String(spec.prefix), Number(metadata.vni), hop.vni, hop.address ?? '']
  },
}

function describe(status: Status, vni: unknown, prefix: unknown, hop: NextHop = { vni: 0 }): ObjectDocument {
  return { kind: 'Route', metadata: { vni }, spec: { prefix, next_hop: hop }, status }
}

function nextHopIp(document: Document): string {
  return 'spec' in document ? ((document.spec.next_hop as NextHop).address ?? '') : ''
}

const listing: Omit<Command, 'verb'> = {
  nouns,
  flags: { vni: required('uint32'), 'sort-by': optional('string', '') },
  method: 'ListRoutes',
  params: ({ vni }) => ({ vni }),
  document: (status, { routes }, { vni }) => {
    const found = (routes as RouteResult[] | undefined)?.toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1))
    const items = found?.map(({ prefix, nextHopVni, nextHopIp: address }) =>
      describe(itemStatus, vni, prefix, { vni: nextHopVni, address }),
    )
    return { kind: 'RouteList', metadata: { vni }, status, items: items ?? null }
  },
  view,
}

export const routeCommands: readonly Command[] = [
  {
    verb: 'create',
    nouns,
    flags: {
      prefix: required('prefix'),
      'next-hop-vni': required('uint32'),
      'next-hop-ip': required('address'),
      vni: required('uint32'),
    },
    method: 'CreateRoute',
    params: (flags) => ({
      vni: flags.vni,
      prefix: flags.prefix,
      nextHopVni: flags['next-hop-vni'],
      nextHopIp: flags['next-hop-ip'],
    }),
    document: (status, _, flags) => {
      const hop = { vni: Number(flags['next-hop-vni']), address: String(flags['next-hop-ip']) }
      return describe(status, flags.vni, flags.prefix, status.code === 0 ? hop : undefined)
    },
    operation: (document) => `created, Next Hop IP: ${nextHopIp(document)}`,
    view,
  },
  {
    verb: 'delete',
    nouns,
    flags: { prefix: required('prefix'), vni: required('uint32') },
    method: 'DeleteRoute',
    params: ({ prefix, vni }) => ({ prefix, vni }),
    document: (status, _, { prefix, vni }) => describe(status, vni, prefix),
    operation: () => 'deleted',
    view,
  },
  { verb: 'list', ...listing },
  { verb: 'get', ...listing },
]
