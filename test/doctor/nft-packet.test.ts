/** What becomes of a guest's request for a lease, in rulesets of the kinds that sites have. */
import { expect, test } from 'vitest'
import { dhcpRequestFates } from '../../src/doctor/nft-packet.ts'
import { type Rule, accept, dhcpRule, drop, field, iifname, match, ruleset } from './recorded.ts'

const fateOf = (rules: readonly Rule[], policy = 'drop', more: readonly object[] = []): string[] =>
  dhcpRequestFates(
    JSON.parse(
      ruleset(
        rules.map((rule) => () => rule),
        policy,
        more,
      ),
    ),
    'virbr0',
  ).map(({ fate }) => fate)

const jump = (target: string): Rule[number] => ({ jump: { target } })
const chain = (name: string, ...rules: readonly Rule[]): object[] => [
  { chain: { family: 'inet', table: 'filter', name, handle: 90 } },
  ...rules.map((expr) => ({ rule: { family: 'inet', table: 'filter', chain: name, handle: 91, expr } })),
]
const set = {
  set: {
    family: 'inet',
    table: 'filter',
    name: 'ports',
    type: 'inet_service',
    elem: [53, { range: [67, 68] }],
  },
}

type Row = readonly [string, readonly Rule[], string, string, readonly object[]]
const none: readonly object[] = []

const rulesets: readonly Row[] = [
  ['nothing but SSH', [], 'drop', 'dropped', none],
  ['policy accept', [], 'accept', 'accepted', none],
  ['a rule for it', [dhcpRule()], 'drop', 'accepted', none],
  ['for all of virbr*', [[iifname('virbr*'), field('udp', 'dport', 67), accept]], 'drop', 'accepted', none],
  ['for another bridge', [[iifname('docker0'), accept]], 'drop', 'dropped', none],
  ['for all but one interface', [[iifname('eth0', '!='), accept]], 'drop', 'accepted', none],
  ['for a range of ports', [[field('udp', 'dport', { range: [60, 70] }), accept]], 'drop', 'accepted', none],
  ['for a named set', [[field('udp', 'dport', '@ports'), accept]], 'drop', 'accepted', [set]],
  ['everything of UDP', [[match({ meta: { key: 'l4proto' } }, 'udp'), accept]], 'drop', 'accepted', none],
  ['for TCP', [[iifname('virbr0'), field('tcp', 'dport', 67), accept]], 'drop', 'dropped', none],
  ['for IPv6', [[match({ meta: { key: 'nfproto' } }, 'ipv6'), accept]], 'drop', 'dropped', none],
  ['a drop at the end, with policy accept', [[{ counter: {} }, drop]], 'accept', 'dropped', none],
  ['a reject at the end', [[{ reject: { type: 'icmpx' } }]], 'accept', 'dropped', none],
  ['a drop after the accept', [dhcpRule(), [drop]], 'accept', 'accepted', none],
  [
    'in a chain of its own',
    [[iifname('virbr0'), jump('guests')]],
    'drop',
    'accepted',
    chain('guests', [accept]),
  ],
  [
    'a chain that returns',
    [[jump('guests')]],
    'drop',
    'dropped',
    chain('guests', [{ return: null }], [accept]),
  ],
  [
    'a chain that jumps in a circle',
    [[jump('guests')]],
    'drop',
    'perhaps',
    chain('guests', [jump('guests')]),
  ],
  [
    'by the state of the connection, in a map',
    [
      [
        {
          vmap: {
            key: { ct: { key: 'state' } },
            data: {
              set: [
                ['established', accept],
                ['invalid', drop],
              ],
            },
          },
        },
      ],
    ],
    'drop',
    'dropped',
    none,
  ],
  [
    'new connections, in a map',
    [[{ vmap: { key: { ct: { key: 'state' } }, data: { set: [['new', accept]] } } }]],
    'drop',
    'accepted',
    none,
  ],
  [
    'a match of iptables that is not told',
    [[{ xt: { type: 'match', name: 'multiport' } }, accept]],
    'drop',
    'perhaps',
    none,
  ],
  [
    'the same, where the policy accepts anyway',
    [[{ xt: { type: 'match', name: 'multiport' } }, accept]],
    'accept',
    'perhaps',
    none,
  ],
]

test.each(rulesets)('%s', (_, rules, policy, fate, more) => {
  expect(fateOf(rules, policy, more)).toEqual([fate])
})

test('each chain of the hook has its own answer: an accept in one does not help in the other', () => {
  const ip = {
    chain: { family: 'ip', table: 'filter', name: 'INPUT', handle: 1, hook: 'input', policy: 'accept' },
  }
  const forward = {
    chain: { family: 'inet', table: 'filter', name: 'forward', hook: 'forward', policy: 'drop' },
  }
  expect(fateOf([], 'drop', [ip, forward])).toEqual(['dropped', 'accepted'])
})
