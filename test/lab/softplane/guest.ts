/** A guest: a namespace with a NIC on the hypervisor's bridge. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandResult } from '../../../src/core/command-result.ts'
import { runLocally, tryLocally } from '../../../src/core/local-command.ts'
import { waitFor } from '../../../src/core/wait.ts'
import type { TestEngine } from './engine.ts'
import { inNamespace, type GuestSpec, type TestHypervisor } from './hypervisor.ts'

/** A guest: one namespace, one NIC on the hypervisor's bridge, addresses by DHCP. */
export class TestGuest implements AsyncDisposable {
  readonly spec: GuestSpec
  readonly #holder: ChildProcess
  readonly #directory: string
  readonly #hypervisor: TestHypervisor

  private constructor(spec: GuestSpec, holder: ChildProcess, directory: string, hypervisor: TestHypervisor) {
    this.spec = spec
    this.#holder = holder
    this.#directory = directory
    this.#hypervisor = hypervisor
  }

  static async start(engine: TestEngine, hypervisor: TestHypervisor, spec: GuestSpec): Promise<TestGuest> {
    const holder = spawn('unshare', ['--net', '--', 'sh', '-c', 'ip link set lo up; echo ready; read -r _'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await once(holder.stdout, 'data')
    const directory = join(engine.directory, `${hypervisor.spec.name}-${spec.name}`)
    await mkdir(directory, { recursive: true })
    const guest = new TestGuest(spec, holder, directory, hypervisor)
    await guest.plug()
    return guest
  }

  get pid(): number {
    return this.#holder.pid ?? 0
  }

  /** A new NIC, with a MAC address of its own. */
  async plug(): Promise<void> {
    const { name } = this.spec
    await this.#hypervisor.ip([
      `link add nic-${name} type veth peer name data netns ${this.pid}`,
      `link set nic-${name} master br-${name} up`,
    ])
    await this.run(['ip', 'link', 'set', 'data', 'up'])
    await waitFor(
      async () => {
        const seen = await this.run(['ip', '-6', 'address', 'show', 'dev', 'data', 'scope', 'link'])
        const usable = seen.includes('fe80::') && !seen.includes('tentative')
        return usable ? { state: 'ready', value: undefined } : { state: 'pending', seen }
      },
      { what: `the link-local address of ${name}`, timeoutMs: 10_000 },
    )
  }

  async unplug(): Promise<void> {
    await this.run(['ip', 'link', 'delete', 'data'])
  }

  async run(argv: readonly string[], timeoutMs = 60_000): Promise<string> {
    return (await runLocally(inNamespace(this.pid, argv), { timeoutMs })).stdout
  }

  async try(argv: readonly string[], timeoutMs = 60_000): Promise<CommandResult> {
    return await tryLocally(inNamespace(this.pid, argv), { timeoutMs })
  }

  /** One lease, as the distribution's own dhclient with its own script makes it; the client then ends. */
  async lease(family: 4 | 6): Promise<void> {
    const file = (kind: string): string => join(this.#directory, `${kind}${family}`)
    await rm(file('leases'), { force: true })
    const client = ['dhclient', `-${family}`, '-d', '-1', '-pf', file('pid'), '-lf', file('leases'), 'data']
    const [program = '', ...args] = inNamespace(this.pid, client)
    const process = spawn(program, args, { stdio: 'ignore' })
    try {
      await waitFor(
        async () => {
          const routes = await this.run(['ip', `-${family}`, 'route', 'show', 'default'])
          const addresses = (await this.addresses()).filter(
            (address) => address.includes(':') === (family === 6),
          )
          const complete = addresses.length > 0 && routes.includes('default')
          const seen = `${addresses.join(' ')} ${routes}`
          return complete ? { state: 'ready', value: undefined } : { state: 'pending', seen }
        },
        { what: `a DHCPv${family} lease of ${this.spec.name}`, timeoutMs: 30_000 },
      )
    } finally {
      process.kill('SIGKILL') // without a word to its script, which would take the addresses back
    }
  }

  async addresses(): Promise<string[]> {
    type Link = { addr_info: { local: string; prefixlen: number; scope: string }[] }
    const links = JSON.parse(await this.run(['ip', '-json', 'address', 'show', 'dev', 'data'])) as Link[]
    return links
      .flatMap(({ addr_info }) => addr_info)
      .filter(({ scope }) => scope === 'global')
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
  }

  /** Whether an echo comes back within a few tries. */
  async reaches(address: string, tries = 5): Promise<boolean> {
    const ping = ['ping', '-c', '1', '-W', '1', address]
    for (let attempt = 0; attempt < tries; attempt++) {
      if ((await this.try(ping)).exitCode === 0) return true
    }
    return false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#holder, 'exit')
    this.#holder.stdin?.end()
    await ended
  }
}
