/** Commands about prefixes of an interface, plain ones and those of a load balancer. */
import type { PrefixResult } from '../shared/protocol.ts'
import type { Status } from '../shared/status.ts'
import { itemStatus, optional, required, type Command } from './command.ts'
import { underlayRoute, type ObjectDocument, type View } from './document.ts'

const unspecified = '::'

const view: View = {
  name: ({ spec }) => String(spec.prefix),
  headers: ['Prefix', 'UnderlayRoute'],
  row: ({ spec }) => [spec.prefix, spec.underlay_route ?? ''].map(String),
}

function commandsOf(nouns: readonly string[], kind: string, method: string): Command[] {
  const describe = (
    status: Status,
    interfaceId: unknown,
    found: { prefix: unknown; underlayRoute?: string },
  ): ObjectDocument => ({
    kind,
    metadata: { interface_id: interfaceId },
    spec: {
      prefix: found.prefix,
      ...(found.underlayRoute === undefined ? {} : { underlay_route: found.underlayRoute }),
    },
    status,
  })
  const place = { prefix: required('prefix'), 'interface-id': required('string') }
  return [
    {
      verb: 'create',
      nouns,
      flags: { ...place, underlay: optional('address', unspecified) },
      method: `Create${method}`,
      params: (flags) => ({
        prefix: flags.prefix,
        interfaceId: flags['interface-id'],
        underlay: flags.underlay,
      }),
      document: (status, result, flags) =>
        describe(
          status,
          flags['interface-id'],
          (result.prefix as PrefixResult | undefined) ?? { prefix: flags.prefix },
        ),
      operation: (document) => `created, underlay route: ${underlayRoute(document)}`,
      view,
    },
    {
      verb: 'delete',
      nouns,
      flags: place,
      method: `Delete${method}`,
      params: (flags) => ({ prefix: flags.prefix, interfaceId: flags['interface-id'] }),
      document: (status, _, flags) => describe(status, flags['interface-id'], { prefix: flags.prefix }),
      operation: () => 'deleted',
      view,
    },
    {
      verb: 'list',
      nouns,
      flags: { 'interface-id': required('string'), 'sort-by': optional('string', '') },
      method: `List${method}es`,
      params: (flags) => ({ interfaceId: flags['interface-id'] }),
      document: (status, { prefixes }, flags) => {
        const interfaceId = flags['interface-id']
        const items = (prefixes as PrefixResult[] | undefined)?.map((each) =>
          describe(itemStatus, interfaceId, each),
        )
        return { kind: 'PrefixList', metadata: { interface_id: interfaceId }, status, items: items ?? null }
      },
      view,
    },
  ]
}

const balancedNouns = [
  ['loadbalancer-prefix', 'loadbalancer-prefixes'],
  ['lbprefix', 'lbprefixes', 'lbprfx', 'lbprfxs'],
].flat()

export const prefixCommands: readonly Command[] = [
  ...commandsOf(['prefix', 'prefixes', 'prfx', 'prfxs'], 'Prefix', 'Prefix'),
  ...commandsOf(balancedNouns, 'LoadBalancerPrefix', 'LoadBalancerPrefix'),
]
