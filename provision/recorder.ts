/**
 * The host of a dry run: it writes down every command and file, opens no connection, and answers as a hypervisor would
 * that has everything it needs and nothing of ours.
 */
import { parsePciAddress } from '../src/config/pci-address.ts'
import type { BenchConfig } from '../src/config/types.ts'
import { CommandError, type CommandResult, answered } from '../src/core/command-result.ts'
import { quoteArgv } from '../src/core/shell-quote.ts'
import type { RunOptions } from '../src/transport/host.ts'
import { parseDomain } from '../src/transport/libvirt/documents.ts'
import type { DiskImage } from './disk-image.ts'
import type { Connection } from './run.ts'

/** Addresses that no one has (RFC 5737), where a lease would be. */
const exampleAddress = '192.0.2.1'

export class RecordingHost implements Connection {
  readonly name: string
  readonly lines: string[] = []
  readonly #config: BenchConfig
  readonly #image: DiskImage
  readonly #macs = new Map<string, string>()
  readonly #running = new Set<string>()

  constructor(name: string, config: BenchConfig, image: DiskImage) {
    this.name = name
    this.#config = config
    this.#image = image
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const result = await this.tryRun(argv, options)
    if (result.exitCode !== 0) throw new CommandError(result)
    return result
  }

  async tryRun(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    this.lines.push(`$ ${quoteArgv(argv)}${options.input === undefined ? '' : ` < (${inputOf(argv)})`}`)
    const stdout = this.#answer(argv)
    return answered(this.name, argv, stdout ?? '', stdout === undefined ? 1 : 0)
  }

  async writeFile(
    path: string,
    content: string | Buffer,
    options: { readonly mode?: number } = {},
  ): Promise<void> {
    const mode = (options.mode ?? 0o644).toString(8).padStart(4, '0')
    const text = content.toString()
    if (path.endsWith('.xml')) {
      const domain = parseDomain(text)
      this.#macs.set(domain.name, domain.macAddresses[0] ?? '')
    }
    this.lines.push(
      `> ${path} (${mode}):`,
      ...readable(text)
        .trimEnd()
        .split('\n')
        .map((line) => `    ${line}`),
    )
  }

  async readFile(path: string): Promise<string> {
    this.lines.push(`< ${path}`)
    return ''
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Standard output; `undefined` is a failure. */
  #answer(argv: readonly string[]): string | undefined {
    const [program] = argv
    if (argv.includes('virsh')) return this.#libvirt(argv.slice(argv.indexOf('qemu:///system') + 1))
    switch (program) {
      case 'uname':
        return 'x86_64'
      case 'tar':
        return 'tar (GNU tar)'
      case 'cat':
        return argv.some((one) => one.endsWith('sriov_offset')) ? this.#sriov(argv) : undefined
      case 'sh':
        // free space in blocks; every other script says nothing when all is well
        if (argv[2]?.includes('sha256sum')) return `${this.#image.size}\n${this.#image.dataSha256}  -`
        return argv[2]?.includes('stat -f') ? '1000000000 4096' : ''
      case 'test':
        return argv.some((one) => one.startsWith('/sys/')) ? '' : undefined
      case 'stat':
        return undefined
      default:
        return ''
    }
  }

  #libvirt([command, ...args]: readonly string[]): string | undefined {
    const { network } = this.#config.libvirt
    const name = args[args.indexOf('--domain') + 1] ?? ''
    switch (command) {
      case 'list':
        return args.includes('--state-running') ? [...this.#running].join('\n') : ''
      case 'net-list':
        return network
      case 'net-dumpxml':
        return `<network><name>${network}</name><ip><dhcp/></ip></network>`
      case 'dumpxml':
        return undefined
      case 'start':
        this.#running.add(name)
        return ''
      case 'domifaddr':
        return `vnet0 ${this.#macs.get(name)} ipv4 ${exampleAddress}/24`
      default:
        return ''
    }
  }

  /** What a card with its usual layout says, with as many VFs as the config needs. */
  #sriov(argv: readonly string[]): string {
    const vfs = this.#config.hypervisors
      .flatMap(({ vms }) => vms)
      .map(({ pciAddress }) => (pciAddress === undefined ? -1 : (parsePciAddress(pciAddress)?.vfIndex ?? -1)))
    return argv.some((one) => one.endsWith('sriov_numvfs')) ? `2\n1\n${Math.max(...vfs) + 1}` : '2'
  }
}

/** What goes into a command: the script tells. */
function inputOf(argv: readonly string[]): string {
  return argv[2]?.includes('sha256sum') ? 'where its data lies' : 'the packed disk image'
}

/** The plan is for reading: data URLs as their text, and no private key. */
function readable(text: string): string {
  return text.replaceAll(/data:;base64,([A-Za-z0-9+/=]+)/g, (_, base64: string) => {
    const content = Buffer.from(base64, 'base64').toString('utf8')
    const shown = content.includes('PRIVATE KEY') ? '(private host key, made at provisioning)' : content
    return `data:,${JSON.stringify(shown).slice(1, -1)}`
  })
}
