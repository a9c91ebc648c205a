/**
 * What softplane's tests stand on: a Docker engine of their own, hypervisors that are the network namespace of an idle
 * container, and guests that are namespaces with ISC dhclient.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, mkdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandResult } from '../../src/core/command-result.ts'
import { runLocally, tryLocally } from '../../src/core/local-command.ts'
import { waitFor } from '../../src/core/wait.ts'

export const underlayMtu = 9000

/** A dockerd without networks of its own, ended and removed on disposal. */
export class TestEngine implements AsyncDisposable {
  readonly directory: string
  readonly #daemon: ChildProcess

  private constructor(directory: string, daemon: ChildProcess) {
    this.directory = directory
    this.#daemon = daemon
  }

  static async start(): Promise<TestEngine> {
    const directory = await mkdtemp(join(tmpdir(), 'softplane-test-'))
    const daemon = spawn(
      'dockerd',
      [
        ...['data', 'exec'].map((kind) => `--${kind}-root=${join(directory, kind)}`),
        `--pidfile=${join(directory, 'pid')}`,
        `--host=unix://${join(directory, 'docker.sock')}`,
        '--bridge=none',
        '--iptables=false',
        '--ip6tables=false',
      ],
      { stdio: 'ignore' },
    )
    const engine = new TestEngine(directory, daemon)
    await waitFor(
      async () => {
        if (daemon.exitCode !== null) return { state: 'failed', reason: `dockerd ended with ${daemon.exitCode}` }
        const info = await engine.try(['version'])
        return info.exitCode === 0 ? { state: 'ready', value: undefined } : { state: 'pending', seen: info.stderr }
      },
      { what: 'the test engine to answer', timeoutMs: 30_000 },
    )
    return engine
  }

  get host(): string {
    return `unix://${join(this.directory, 'docker.sock')}`
  }

  async run(args: readonly string[]): Promise<string> {
    return (await runLocally(['docker', '--host', this.host, ...args])).stdout.trim()
  }

  async try(args: readonly string[]): Promise<CommandResult> {
    return await tryLocally(['docker', '--host', this.host, ...args])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const containers = (await this.run(['ps', '-aq'])).split('\n').filter(Boolean)
    if (containers.length > 0) await this.run(['rm', '--force', ...containers])
    const ended = once(this.#daemon, 'exit')
    this.#daemon.kill('SIGTERM')
    await ended
    await rm(this.directory, { recursive: true, force: true })
  }
}

export interface GuestSpec {
  readonly name: string
  readonly vni: number
  readonly ipv4: string
  readonly ipv6: string
}

export interface HypervisorSpec {
  readonly name: string
  readonly underlay: string
  readonly guests: readonly GuestSpec[]
}

/** Runs a program in the network namespace of a process. */
export function inNamespace(pid: number, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--net=/proc/${pid}/ns/net`, '--', ...argv]
}

export class TestHypervisor {
  readonly spec: HypervisorSpec
  readonly pid: number
  readonly #engine: TestEngine
  readonly #image: string

  private constructor(engine: TestEngine, image: string, spec: HypervisorSpec, pid: number) {
    this.#engine = engine
    this.#image = image
    this.spec = spec
    this.pid = pid
  }

  static async start(engine: TestEngine, image: string, spec: HypervisorSpec): Promise<TestHypervisor> {
    const idle = ['--entrypoint', 'node', image, '-e', 'setInterval(() => {}, 1e9)']
    await engine.run(['run', '--detach', '--network', 'none', '--name', spec.name, ...idle])
    const pid = Number(await engine.run(['inspect', '--format', '{{.State.Pid}}', spec.name]))
    const hypervisor = new TestHypervisor(engine, image, spec, pid)
    await hypervisor.ip([
      `link add br-underlay mtu ${underlayMtu} type bridge`,
      'link set br-underlay up',
      ...spec.guests.flatMap(({ name }) => [`link add br-${name} type bridge`, `link set br-${name} up`]),
    ])
    return hypervisor
  }

  async ip(lines: readonly string[]): Promise<void> {
    await runLocally(inNamespace(this.pid, ['ip', '-batch', '-']), { input: `${lines.join('\n')}\n` })
  }

  async links(): Promise<string[]> {
    const { stdout } = await runLocally(inNamespace(this.pid, ['ip', '-json', 'link']))
    return (JSON.parse(stdout) as { ifname: string }[]).map(({ ifname }) => ifname).sort()
  }

  /** The command line that dpservice would get in TAP mode. */
  arguments(own: readonly string[]): string[] {
    const port = (index: number, netdev: string): string =>
      `--vdev=net_tap${index},iface=${netdev},mac=22:00:00:00:00:${(16 + index).toString(16)}`
    return [
      ...['-l', '0,1', '--no-pci', '--huge-unlink', '-m', '320', `--file-prefix=${this.spec.name}`],
      port(0, 'dtap0'),
      port(1, 'dtap1'),
      ...this.spec.guests.map((_, index) => port(index + 2, `dtapvf_${index}`)),
      ...['--', '--pf0=dtap0', '--pf1=dtap1', '--vf-pattern=dtapvf_', '--nic-type=tap'],
      ...[`--ipv6=${this.spec.underlay}`, '--enable-ipv6-overlay', '--no-stats', ...own],
    ]
  }

  /** Starts softplane, waits until it answers, and puts its ports into the bridges. */
  async startDataplane(own: readonly string[] = []): Promise<void> {
    await this.#engine.run([
      ...['run', '--detach', '--name', this.container, '--network', `container:${this.spec.name}`],
      ...['--cap-add', 'NET_ADMIN', '--cap-add', 'SYS_ADMIN', '--device', '/dev/net/tun', '--env', 'DP_CONF='],
      this.#image,
      ...this.arguments(own),
    ])
    await this.cli(['get', 'version'])
    await this.ip([
      'link set dtap0 master br-underlay',
      ...this.spec.guests.map(({ name }, index) => `link set dtapvf_${index} master br-${name}`),
    ])
  }

  get container(): string {
    return `dpservice_${this.spec.name}`
  }

  /** dpservice-cli with JSON output. */
  async cli(args: readonly string[]): Promise<{ exitCode: number | null; document: CliDocument }> {
    const { exitCode, stdout, stderr } = await this.cliText(['-o', 'json', ...args])
    if (!stdout) throw new Error(`dpservice-cli ${args.join(' ')}: ${stderr}`)
    return { exitCode, document: JSON.parse(stdout) as CliDocument }
  }

  async cliText(args: readonly string[]): Promise<CommandResult> {
    return await this.#engine.try(['exec', this.container, 'dpservice-cli', ...args])
  }

  /** `init`, and an interface for every guest. Returns the underlay addresses by guest. */
  async configure(): Promise<Record<string, string>> {
    await this.cli(['init'])
    const routes: Record<string, string> = {}
    for (const [index, guest] of this.spec.guests.entries()) {
      const created = await this.createInterface(guest, index)
      routes[guest.name] = String(created.document.spec?.underlay_route)
    }
    return routes
  }

  async createInterface(
    guest: GuestSpec,
    index: number,
  ): Promise<{ exitCode: number | null; document: CliDocument }> {
    const { name, vni, ipv4, ipv6 } = guest
    const device = `net_tap${index + 2}`
    const flags = { id: name, vni: String(vni), device, ipv4, ipv6 }
    return await this.cli([
      ...['create', 'interface'],
      ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]),
    ])
  }

  async route(prefix: string, vni: number, nextHop: string): Promise<{ exitCode: number | null }> {
    const flags = ['--prefix', prefix, '--vni', String(vni), '--next-hop-vni', '0', '--next-hop-ip', nextHop]
    return await this.cli(['create', 'route', ...flags])
  }
}

export interface CliDocument {
  readonly kind: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly spec?: Readonly<Record<string, unknown>>
  readonly status: { readonly code: number; readonly message: string }
  readonly items?: readonly CliDocument[] | null
}

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
    const files = ['-pf', file('pid'), '-lf', file('leases')]
    await this.run(['dhclient', `-${family}`, '-1', ...files, 'data'], 30_000)
    // without a word to its script, which would take the addresses back
    process.kill(Number(await readFile(file('pid'), 'utf8')), 'SIGKILL')
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

/** The link between two hypervisors. */
export async function connectUnderlay(one: TestHypervisor, other: TestHypervisor): Promise<void> {
  await one.ip([`link add wire mtu ${underlayMtu} type veth peer name wire mtu ${underlayMtu} netns ${other.pid}`])
  for (const hypervisor of [one, other]) await hypervisor.ip(['link set wire master br-underlay up'])
}
