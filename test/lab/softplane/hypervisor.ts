/** A hypervisor: the network namespace of an idle container, with its bridges, and softplane in a second container. */
import { createHash } from 'node:crypto'
import type { CommandResult } from '../../../src/core/command-result.ts'
import { runLocally } from '../../../src/core/local-command.ts'
import type { TestEngine } from './engine.ts'

export const underlayMtu = 9000

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

export interface CliDocument {
  readonly kind: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly spec?: Readonly<Record<string, unknown>>
  readonly status: { readonly code: number; readonly message: string }
  readonly items?: readonly CliDocument[] | null
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
    const { name, underlay, guests } = this.spec
    const eal = `-l 0,1 --no-pci --huge-unlink -m 320 --file-prefix=${name}`
    const ports = ['dtap0', 'dtap1', ...guests.map((_, index) => `dtapvf_${index}`)]
    const service =
      '--pf0=dtap0 --pf1=dtap1 --vf-pattern=dtapvf_ --nic-type=tap --enable-ipv6-overlay --no-stats'
    return [
      ...eal.split(' '),
      ...ports.map((netdev, index) => `--vdev=net_tap${index},iface=${netdev},mac=${this.#portMac(index)}`),
      '--',
      ...service.split(' '),
      `--ipv6=${underlay}`,
      ...own,
    ]
  }

  /** Differs between hypervisors too: their physical ports share the underlay. */
  #portMac(index: number): string {
    const hash = createHash('sha256').update(`${this.spec.name} ${index}`).digest('hex')
    return ['22', ...(hash.match(/../g) ?? []).slice(0, 5)].join(':')
  }

  /** Starts softplane, waits until it answers, and puts its ports into the bridges. */
  async startDataplane(own: readonly string[] = []): Promise<void> {
    const privileges = '--cap-add NET_ADMIN --cap-add SYS_ADMIN --device /dev/net/tun --env DP_CONF='
    const place = ['--name', this.container, '--network', `container:${this.spec.name}`]
    await this.#engine.run([
      ...['run', '--detach'].concat(place, privileges.split(' ')),
      this.#image,
      ...this.arguments(own),
    ])
    await this.ready()
    await this.ip([
      'link set dtap0 master br-underlay',
      ...this.spec.guests.map(({ name }, index) => `link set dtapvf_${index} master br-${name}`),
    ])
  }

  /** Waits until dpservice-cli gets an answer. */
  async ready(): Promise<void> {
    const { exitCode, document } = await this.cli(['get', 'version'])
    if (exitCode !== 0) throw new Error(`no data plane on ${this.spec.name}: ${document.status.message}`)
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

  /** Exit status and code of one command line. */
  async code(line: string): Promise<[number | null, number]> {
    const { exitCode, document } = await this.cli(line.split(' '))
    return [exitCode, document.status.code]
  }

  async cliText(args: readonly string[]): Promise<CommandResult> {
    return await this.#engine.try(['exec', this.container, 'dpservice-cli', ...args])
  }

  /** Command lines one after the other, in a fraction of the time of as many calls; their documents. */
  async script(lines: readonly string[]): Promise<CliDocument[]> {
    const commands = lines.map((line) => `dpservice-cli -o json ${line}`).join('\n')
    const { stdout } = await this.#engine.try(['exec', this.container, 'sh', '-c', commands])
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as CliDocument)
  }

  /** `init`, and an interface for every guest. Returns the underlay addresses by guest. */
  async configure(): Promise<Record<string, string>> {
    const lines = this.spec.guests.map((guest, index) => this.#interfaceCommand(guest, index).join(' '))
    const [, ...created] = await this.script(['init', ...lines])
    const routes = created.map(({ metadata, spec }) => [metadata?.id, spec?.underlay_route].map(String))
    return Object.fromEntries(routes) as Record<string, string>
  }

  async createInterface(
    guest: GuestSpec,
    index: number,
  ): Promise<{ exitCode: number | null; document: CliDocument }> {
    return await this.cli(this.#interfaceCommand(guest, index))
  }

  #interfaceCommand({ name, vni, ipv4, ipv6 }: GuestSpec, index: number): string[] {
    const flags = { id: name, vni: String(vni), device: `net_tap${index + 2}`, ipv4, ipv6 }
    return ['create', 'interface', ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])]
  }

  async route(prefix: string, vni: number, nextHop: string): Promise<{ exitCode: number | null }> {
    const flags = ['--prefix', prefix, '--vni', String(vni), '--next-hop-vni', '0', '--next-hop-ip', nextHop]
    return await this.cli(['create', 'route', ...flags])
  }
}

/** The link between two hypervisors. */
export async function connectUnderlay(one: TestHypervisor, other: TestHypervisor): Promise<void> {
  await one.ip([
    `link add wire mtu ${underlayMtu} type veth peer name wire mtu ${underlayMtu} netns ${other.pid}`,
  ])
  for (const hypervisor of [one, other]) await hypervisor.ip(['link set wire master br-underlay up'])
}
