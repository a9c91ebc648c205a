/**
 * dpservice-cli as far as NAT, load balancer and routes go: answers in the forms of dpservice's `go/dpservice-go/api/types.go`,
 * for faults that a real one does not have on demand.
 */
import { Readable, type Writable } from 'node:stream'
import type Docker from 'dockerode'
import { type CommandResult, answered } from '../../src/core/command-result.ts'
import type { UndoLog } from '../../src/dataplane/dataplane.ts'
import { DpserviceClient } from '../../src/dataplane/dpservice/client.ts'
import { MadeObjects } from '../../src/dataplane/dpservice/made-objects.ts'
import type { Deployment } from '../../src/dataplane/dpservice/network-functions.ts'
import type { ObjectPlace } from '../../src/dataplane/dpservice/owned-objects.ts'
import type { Hypervisor } from '../../src/machine/hypervisor.ts'
import type { VirtualMachine } from '../../src/machine/virtual-machine.ts'

const ok = { code: 0, message: 'success' }

/** Of one hypervisor. */
export class RecordedDpservice {
  readonly name: string
  /** All commands, without `dpservice-cli -o json`. */
  readonly commands: string[] = []
  /** What is there, by what deletes it. */
  readonly objects = new Map<string, Readonly<Record<string, string>>>()
  /** Commands that match are refused with this status. */
  refuse: { readonly pattern: RegExp; readonly code: number; readonly message: string } | undefined
  /** Of this hypervisor, as a deployment keeps it. */
  readonly known = new MadeObjects()
  private made = 0
  private initialized = true

  constructor(name: string) {
    this.name = name
  }

  /** As killed and started again: it knows nothing, and until `init` it takes nothing. */
  restart(initialized = true): void {
    this.objects.clear()
    this.made = 0
    this.initialized = initialized
  }

  place(): ObjectPlace {
    const run = (argv: readonly string[]): Promise<CommandResult> => Promise.resolve(this.run(argv))
    const client = new DpserviceClient(this.name, run)
    return { hypervisor: this.hypervisor(), container: { id: 'c0ffee' }, client, made: this.known }
  }

  hypervisor(): Hypervisor {
    const exec = ({ Cmd }: { Cmd: string[] }): unknown => {
      const { stdout, exitCode } = this.run(Cmd)
      return {
        start: () => Promise.resolve(Readable.from([stdout])),
        inspect: () => Promise.resolve({ ExitCode: exitCode }),
      }
    }
    const modem = { demuxStream: (stream: Readable, out: Writable) => stream.pipe(out) }
    const docker = {
      getContainer: (id: string) => ({
        id,
        exec: (options: { Cmd: string[] }) => Promise.resolve(exec(options)),
        modem,
      }),
    }
    return { name: this.name, docker: docker as unknown as Docker } as Hypervisor
  }

  run(argv: readonly string[]): CommandResult {
    const own = argv.slice(3)
    this.commands.push(own.join(' '))
    const { answer, status } = this.answer(own)
    return answered(this.name, argv, `${JSON.stringify(answer)}\n`, status === 0 ? 0 : 2)
  }

  private answer([verb, kind = '', ...rest]: readonly string[]): { answer: unknown; status: number } {
    const flags = Object.fromEntries(
      rest.map((flag) => flag.replace(/^--/, '').split(/=(.*)/s) as [string, string]),
    )
    const refused = (code: number, message: string): { answer: unknown; status: number } => ({
      answer: { kind, metadata: {}, spec: {}, status: { code, message } },
      status: code,
    })
    if (this.refuse?.pattern.test([verb, kind, ...rest].join(' '))) {
      return refused(this.refuse.code, this.refuse.message)
    }
    if (!this.initialized) return refused(10, 'not initialized')
    const key = keyOf(kind, flags)
    switch (verb) {
      case 'create': {
        if (this.objects.has(key)) return refused(202, 'ALREADY_EXISTS')
        const underlay = `fc00:${this.name.at(-1)}::${++this.made}`
        this.objects.set(key, { ...flags, underlay })
        return { answer: { kind, metadata: {}, spec: { underlay_route: underlay }, status: ok }, status: 0 }
      }
      case 'delete':
        if (!this.objects.delete(key)) return refused(201, 'NOT_FOUND')
        return { answer: { kind, metadata: {}, spec: {}, status: ok }, status: 0 }
      case 'get': {
        const found = this.objects.get(key)
        if (!found) return refused(201, 'NOT_FOUND')
        const spec = {
          nat_ip: found['nat-ip'],
          min_port: Number(found['minport']),
          max_port: Number(found['maxport']),
          vni: 0,
        }
        return {
          answer: { kind: 'Nat', metadata: { interface_id: flags['interface-id'] }, spec, status: ok },
          status: 0,
        }
      }
      default: {
        const targets = [...this.objects].filter(([each]) => each.startsWith(`lbtarget ${flags['lb-id']} `))
        const items = targets.map(([, found]) => ({
          kind: 'LoadBalancerTarget',
          spec: { target_ip: found['target-ip'] },
          status: ok,
        }))
        return { answer: { kind: 'LoadBalancerTargetList', metadata: {}, status: ok, items }, status: 0 }
      }
    }
  }
}

function keyOf(kind: string, flags: Readonly<Record<string, string>>): string {
  const keys = {
    route: ['vni', 'prefix'],
    nat: ['interface-id'],
    loadbalancer: ['id'],
    lbprefix: ['interface-id', 'prefix'],
  }
  const parts = (keys as Record<string, string[]>)[kind] ?? ['lb-id', 'target-ip']
  return [kind, ...parts.map((part) => flags[part])].join(' ')
}

/** Keeps what is recorded and what is marked undone, in their order. */
export class RecordedJournal implements UndoLog {
  readonly lines: string[] = []

  get pending(): string[] {
    const done = new Set(this.lines.filter((line) => line.startsWith('-')).map((line) => line.slice(1)))
    return this.lines.filter((line) => line.startsWith('+') && !done.has(line.slice(1)))
  }

  async record({ what }: Parameters<UndoLog['record']>[0]): Promise<{ done(): Promise<void> }> {
    const nth = this.lines.filter((line) => line.startsWith(`+${what} #`)).length + 1
    const line = `${what} #${nth}`
    this.lines.push(`+${line}`)
    return { done: async () => void this.lines.push(`-${line}`) }
  }
}

export interface TwoHypervisors {
  readonly journal: RecordedJournal
  readonly h1: RecordedDpservice
  readonly h2: RecordedDpservice
  readonly deployment: Deployment
  readonly vm1: VirtualMachine
  readonly vm2: VirtualMachine
  readonly vm3: VirtualMachine
}

/** vm1 and vm2 on the first, vm3 on the second, as in the old suite. */
export function twoHypervisors(): TwoHypervisors {
  const [h1, h2] = [new RecordedDpservice('hypervisor-1'), new RecordedDpservice('hypervisor-2')]
  const journal = new RecordedJournal()
  const vm = (name: string, on: RecordedDpservice, ipv4: string): VirtualMachine => {
    const data = { ipv4, ipv6: `2001:db8::${ipv4.replaceAll('.', '')}`, vni: 100 }
    const hypervisor = on.hypervisor()
    return {
      name,
      hypervisor,
      data,
      overlayAddress: (family: 'ipv4' | 'ipv6') => data[family],
    } as VirtualMachine
  }
  const deployment: Deployment = {
    undoLog: journal,
    place: (name) => (name === h1.name ? h1 : h2).place(),
    underlayOf: ({ name }) => `fc00:a::${name.at(-1)}`,
  }
  return {
    journal,
    h1,
    h2,
    deployment,
    vm1: vm('vm1', h1, '10.200.1.4'),
    vm2: vm('vm2', h1, '10.200.1.5'),
    vm3: vm('vm3', h2, '10.200.2.4'),
  }
}
