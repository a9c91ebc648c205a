/**
 * What a host's nftables do with a guest's request for a DHCP lease, from the ruleset as `nft -j list ruleset` prints it
 * (libnftables-json(5)). A drop in any chain of the hook is final, an accept only ends its own chain: so libvirt's
 * rules in its own tables do not help where the site's table drops. What is not understood counts as "perhaps".
 */

/** A base chain that the packet comes through. */
export interface InputChain {
  readonly family: string
  readonly table: string
  readonly chain: string
  readonly policy: string
  readonly fate: Fate
}

export type Fate = 'accepted' | 'dropped' | 'perhaps'

type Json = Readonly<Record<string, unknown>>

interface Ruleset {
  readonly rules: ReadonlyMap<string, readonly Json[]>
  readonly sets: ReadonlyMap<string, readonly unknown[]>
}

/** Of the input hook, each with what becomes of a DHCP request that arrives on `netdev`. */
export function dhcpRequestFates(document: unknown, netdev: string): InputChain[] {
  const objects = asList((document as Json | undefined)?.['nftables']) as Json[]
  const of = (kind: string): Json[] => objects.flatMap((each) => (each[kind] ? [each[kind] as Json] : []))
  const rules = Map.groupBy(of('rule'), (rule) => keyOf(rule, rule['chain']))
  const sets = new Map(of('set').map((set) => [keyOf(set, set['name']), asList(set['elem'])] as const))
  return of('chain')
    .filter(({ hook, family }) => hook === 'input' && (family === 'inet' || family === 'ip'))
    .map((base): InputChain => {
      const policy = String(base['policy'] ?? 'accept')
      const walked = new Walk({ rules, sets }, netdev).through(base)
      const last = walked === 'fell through' ? (policy === 'drop' ? 'dropped' : 'accepted') : walked
      const { family, table, name } = base
      return { family: String(family), table: String(table), chain: String(name), policy, fate: last }
    })
}

function keyOf({ family, table }: Json, name: unknown): string {
  return `${String(family)} ${String(table)} ${String(name)}`
}

type Outcome = Fate | 'fell through'

class Walk {
  private readonly ruleset: Ruleset
  private readonly netdev: string
  /** Chains entered, against a ruleset that jumps in a circle. */
  private depth = 0

  constructor(ruleset: Ruleset, netdev: string) {
    this.ruleset = ruleset
    this.netdev = netdev
  }

  through(chain: Json): Outcome {
    if (this.depth > 16) return 'perhaps'
    this.depth++
    const rules = this.ruleset.rules.get(keyOf(chain, chain['name'])) ?? []
    const outcome = this.firstOf(rules)
    this.depth--
    return outcome
  }

  private firstOf(rules: readonly Json[]): Outcome {
    let perhaps: Outcome | undefined
    for (const rule of rules) {
      const expressions = asList(rule['expr'])
      const matches = this.matches(rule, expressions)
      if (matches === false) continue
      const verdict = this.verdictOf(rule, expressions)
      if (verdict === undefined) continue
      if (matches) {
        if (verdict === 'returned') return perhaps ? 'perhaps' : 'fell through'
        if (verdict === 'fell through') continue
        return perhaps !== undefined && perhaps !== verdict ? 'perhaps' : verdict
      }
      if (verdict !== 'fell through')
        perhaps = verdict === perhaps || perhaps === undefined ? asOutcome(verdict) : 'perhaps'
    }
    return perhaps === undefined ? 'fell through' : 'perhaps'
  }

  /** `undefined`: it cannot be told. */
  private matches(rule: Json, expressions: readonly unknown[]): boolean | undefined {
    let all: boolean | undefined = true
    for (const expression of expressions) {
      const one = this.matchesOne(rule, expression)
      if (one === false) return false
      if (one === undefined) all = undefined
    }
    return all
  }

  private matchesOne(rule: Json, expression: unknown): boolean | undefined {
    if (typeof expression !== 'object' || expression === null) return undefined
    if ('xt' in expression) return undefined // iptables' own matches, of which only the name is told
    if (!('match' in expression)) return true
    const { op, left, right } = expression.match as Json
    if (op !== '==' && op !== '!=' && op !== 'in') return undefined
    const values = this.valuesOf(left as Json)
    if (values === 'none') return false // a field that this packet does not have
    if (values === undefined) return undefined
    const holds = this.holds(rule, values, right)
    return op === '!=' && holds !== undefined ? !holds : holds
  }

  /** What the packet has in that field, in the forms in which nft prints it. */
  private valuesOf(left: Json): readonly (string | number)[] | 'none' | undefined {
    const [[kind, detail] = ['', {}]] = Object.entries(left)
    const { key, protocol, field } = detail as Readonly<Record<string, string>>
    if (kind === 'meta') {
      const meta: Readonly<Record<string, readonly (string | number)[]>> = {
        iifname: [this.netdev],
        iif: [this.netdev],
        l4proto: ['udp', 17],
        nfproto: ['ipv4', 2],
        protocol: ['ip', 0x0800],
        pkttype: ['broadcast'],
      }
      return meta[key ?? '']
    }
    if (kind === 'ct') return key === 'state' ? ['new'] : undefined
    if (kind !== 'payload') return undefined
    const fields: Readonly<Record<string, readonly (string | number)[]>> = {
      'udp dport': [67, 'bootps'],
      'th dport': [67, 'bootps'],
      'udp sport': [68, 'bootpc'],
      'th sport': [68, 'bootpc'],
      'ip protocol': ['udp', 17],
      'ip saddr': ['0.0.0.0'],
      'ip daddr': ['255.255.255.255'],
    }
    const known = fields[`${protocol} ${field}`]
    if (known) return known
    return protocol === 'udp' || protocol === 'th' || protocol === 'ip' ? undefined : 'none'
  }

  private holds(rule: Json, values: readonly (string | number)[], right: unknown): boolean | undefined {
    if (typeof right === 'number') return values.includes(right)
    if (typeof right === 'string') {
      if (right.startsWith('@')) {
        const set = this.ruleset.sets.get(keyOf(rule, right.slice(1)))
        return set && this.any(rule, values, set)
      }
      return values.some((value) =>
        right.endsWith('*') ? String(value).startsWith(right.slice(0, -1)) : value === right,
      )
    }
    if (Array.isArray(right)) return this.any(rule, values, right)
    const { set, range, prefix } = (right ?? {}) as Json
    if (Array.isArray(set)) return this.any(rule, values, set)
    if (Array.isArray(range)) {
      const [least, most] = range as unknown[]
      const numbers = values.filter((value) => typeof value === 'number')
      if (typeof least !== 'number' || typeof most !== 'number') return undefined
      return numbers.some((value) => value >= least && value <= most)
    }
    // neither 0.0.0.0 nor 255.255.255.255 lies in a network that somebody writes down, but for all of them
    if (typeof prefix === 'object' && prefix !== null) return (prefix as Json)['len'] === 0
    return undefined
  }

  private any(
    rule: Json,
    values: readonly (string | number)[],
    candidates: readonly unknown[],
  ): boolean | undefined {
    const each = candidates.map((candidate) =>
      this.holds(rule, values, (candidate as Json | undefined)?.['elem'] ?? candidate),
    )
    return each.includes(true) ? true : each.includes(undefined) ? undefined : false
  }

  /** A verdict map's answer; `undefined` where the packet is in none of its lines. */
  private mapped(rule: Json, { key, data }: Json): Outcome | 'returned' | undefined {
    const values = this.valuesOf(key as Json)
    if (values === 'none') return undefined
    const pairs = (data as Json | undefined)?.['set']
    if (values === undefined || !Array.isArray(pairs)) return 'perhaps'
    for (const [candidate, verdict] of pairs as [unknown, unknown][]) {
      const holds = this.holds(rule, values, candidate)
      if (holds === undefined) return 'perhaps'
      if (holds) return this.verdictOf(rule, [verdict])
    }
    return undefined
  }

  private verdictOf(rule: Json, expressions: readonly unknown[]): Outcome | 'returned' | undefined {
    for (const expression of expressions) {
      if (typeof expression !== 'object' || expression === null) return 'perhaps'
      if ('accept' in expression) return 'accepted'
      if ('drop' in expression || 'reject' in expression) return 'dropped'
      if ('return' in expression) return 'returned'
      if ('xt' in expression && (expression.xt as Json | null)?.['type'] === 'target') return 'perhaps'
      if ('vmap' in expression) {
        const verdict = this.mapped(rule, expression.vmap as Json)
        if (verdict !== undefined) return verdict
      }
      const into = ('jump' in expression && expression.jump) || ('goto' in expression && expression.goto)
      if (into) {
        const outcome = this.through({ ...rule, name: (into as Json)['target'] })
        return 'goto' in expression && outcome === 'fell through' ? 'perhaps' : outcome
      }
    }
    return undefined
  }
}

const asOutcome = (verdict: Outcome | 'returned'): Outcome => (verdict === 'returned' ? 'perhaps' : verdict)

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
