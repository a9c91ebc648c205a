/** Commands about firewall rules. */
import type { FirewallRuleResult, ProtocolFilter } from '../shared/protocol.ts'
import type { Status } from '../shared/status.ts'
import { itemStatus, optional, required, type Command } from './command.ts'
import type { ObjectDocument, View } from './document.ts'
import { ClientError, type FlagValues } from './flags.ts'

const nouns = ['firewallrule', 'firewallrules', 'fwrule', 'fwrules', 'fw-rule', 'fw-rules']

const view: View = {
  name: ({ metadata, spec }) => `${String(metadata.interface_id)}/${String(spec.id)}`,
  headers: ['InterfaceID', 'RuleID', 'Direction', 'Src', 'Dst', 'Action', 'Priority', 'Protocol'],
  row: ({ metadata, spec }) =>
    [
      metadata.interface_id,
      spec.id,
      spec.direction,
      spec.source_prefix,
      spec.destination_prefix,
      spec.action,
      spec.priority,
      spec.protocol_filter ? JSON.stringify(spec.protocol_filter) : 'any',
    ].map((cell) => String(cell ?? '')),
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1)

/** As Go prints the union of dpservice's protocol. */
function describeFilter(filter: ProtocolFilter): object {
  if (filter.protocol === 'icmp')
    return { Filter: { Icmp: { icmp_type: filter.type, icmp_code: filter.code } } }
  const [src_port_lower, src_port_upper] = filter.sourcePorts
  const [dst_port_lower, dst_port_upper] = filter.destinationPorts
  const ports = { src_port_lower, src_port_upper, dst_port_lower, dst_port_upper }
  return { Filter: { [capital(filter.protocol)]: ports } }
}

function describe(
  status: Status,
  interfaceId: unknown,
  id: unknown,
  rule: FirewallRuleResult | undefined,
): ObjectDocument {
  const spec = rule
    ? {
        id: rule.id,
        direction: capital(rule.direction),
        action: capital(rule.action),
        priority: rule.priority,
        source_prefix: rule.source,
        destination_prefix: rule.destination,
        ...(rule.filter ? { protocol_filter: describeFilter(rule.filter) } : {}),
      }
    : { id, priority: 0 }
  return { kind: 'FirewallRule', metadata: { interface_id: interfaceId }, spec, status }
}

/** @throws ClientError for a word that is none of `words`; keys are what is typed. */
function oneOf<T extends string>(flag: string, text: string, words: Readonly<Record<string, T>>): T {
  const found = words[text.toLowerCase()]
  if (found !== undefined) return found
  throw new ClientError(
    `invalid argument "${text}" for "--${flag}" flag: one of ${Object.keys(words).join('/')}`,
  )
}

function filterOf(flags: FlagValues): ProtocolFilter | undefined {
  const protocols = { tcp: 'tcp', udp: 'udp', icmp: 'icmp', any: 'any', '': 'any' } as const
  const protocol = oneOf('protocol', String(flags.protocol), protocols)
  if (protocol === 'any') return undefined
  if (protocol === 'icmp')
    return { protocol, type: Number(flags['icmp-type']), code: Number(flags['icmp-code']) }
  const range = (end: 'src' | 'dst'): readonly [number, number] => {
    const [from, to] = [Number(flags[`${end}-port-min`]), Number(flags[`${end}-port-max`])]
    if (from > 65535 || to > 65535 || (to >= 0 && to < from))
      throw new ClientError(`ports ${from} to ${to} are no range`)
    return [from, to]
  }
  return { protocol, sourcePorts: range('src'), destinationPorts: range('dst') }
}

const one: Pick<Command, 'nouns' | 'flags' | 'params' | 'document' | 'view'> = {
  nouns,
  flags: { 'rule-id': required('string'), 'interface-id': required('string') },
  params: (flags) => ({ id: flags['rule-id'], interfaceId: flags['interface-id'] }),
  document: (status, { rule }, flags) =>
    describe(status, flags['interface-id'], flags['rule-id'], rule as FirewallRuleResult | undefined),
  view,
}

export const firewallCommands: readonly Command[] = [
  {
    verb: 'create',
    ...one,
    flags: {
      'rule-id': required('string'),
      'interface-id': required('string'),
      direction: required('string'),
      action: required('string'),
      priority: optional('uint32', 1000),
      src: required('prefix'),
      dst: required('prefix'),
      protocol: optional('string', ''),
      'src-port-min': optional('int32', -1),
      'src-port-max': optional('int32', -1),
      'dst-port-min': optional('int32', -1),
      'dst-port-max': optional('int32', -1),
      'icmp-type': optional('int32', -1),
      'icmp-code': optional('int32', -1),
    },
    method: 'CreateFirewallRule',
    params: (flags) => ({
      id: flags['rule-id'],
      interfaceId: flags['interface-id'],
      direction: oneOf('direction', String(flags.direction), {
        ingress: 'ingress',
        egress: 'egress',
        '0': 'ingress',
        '1': 'egress',
      }),
      action: oneOf('action', String(flags.action), {
        accept: 'accept',
        allow: 'accept',
        drop: 'drop',
        deny: 'drop',
        '0': 'drop',
        '1': 'accept',
      }),
      priority: flags.priority,
      source: flags.src,
      destination: flags.dst,
      filter: filterOf(flags),
    }),
    operation: () => 'created',
  },
  { verb: 'delete', ...one, method: 'DeleteFirewallRule', operation: () => 'deleted' },
  { verb: 'get', ...one, method: 'GetFirewallRule' },
  {
    verb: 'list',
    nouns,
    flags: { 'interface-id': required('string'), 'sort-by': optional('string', '') },
    method: 'ListFirewallRules',
    params: (flags) => ({ interfaceId: flags['interface-id'] }),
    document: (status, { rules }, flags) => {
      const interfaceId = flags['interface-id']
      const items = (rules as FirewallRuleResult[] | undefined)?.map((rule) =>
        describe(itemStatus, interfaceId, rule.id, rule),
      )
      return {
        kind: 'FirewallRuleList',
        metadata: { interface_id: interfaceId },
        status,
        items: items ?? null,
      }
    },
    view,
  },
]
