/**
 * A hypervisor's libvirt through `virsh`, run by whatever runs commands there. What comes back is XML or a list of
 * names; the one table that libvirt has no other form of, a domain's leases, is read strictly by its columns.
 */
import { CommandError } from '../../core/command-result.ts'
import type { CommandResult } from '../../core/command-result.ts'
import type { RemoteHost, RunOptions } from '../host.ts'
import { parseDomain, parseNetwork, type Domain, type Network } from './documents.ts'
import { parseInterfaceAddresses, type InterfaceAddress } from './interface-addresses.ts'

export class Virsh {
  readonly host: RemoteHost
  readonly #options: RunOptions

  /** @param options for every command: a signal, a deadline. */
  constructor(host: RemoteHost, options: RunOptions = {}) {
    this.host = host
    this.#options = options
  }

  /** Names of all domains, or of those in one state. */
  async domainNames(state?: 'running'): Promise<string[]> {
    const which = state === 'running' ? '--state-running' : '--all'
    return lines((await this.#run('list', which, '--name')).stdout)
  }

  /**
   * A domain's definition, or `undefined` when there is none of that name.
   * @param as `live`: as it runs now, with what was changed since it was started
   */
  async domain(name: string, as: 'defined' | 'live' = 'defined'): Promise<Domain | undefined> {
    const result = await this.#try('dumpxml', ...(as === 'live' ? [] : ['--inactive']), '--domain', name)
    if (result.exitCode === 0) return parseDomain(result.stdout)
    // the reason is prose, the list of names is not
    if (!(await this.domainNames()).includes(name)) return undefined
    throw new CommandError(result)
  }

  /** Every domain's definition. One that vanishes meanwhile is left out. */
  async domains(): Promise<Domain[]> {
    const found: Domain[] = []
    for (const name of await this.domainNames()) {
      const domain = await this.domain(name)
      if (domain) found.push(domain)
    }
    return found
  }

  /** Names of all networks, or of the active ones. */
  async networkNames(state?: 'active'): Promise<string[]> {
    return lines((await this.#run('net-list', ...(state === 'active' ? [] : ['--all']), '--name')).stdout)
  }

  /** @throws CommandError when there is no such network. */
  async network(name: string): Promise<Network> {
    return parseNetwork((await this.#run('net-dumpxml', '--network', name)).stdout)
  }

  /** The addresses that libvirt's own DHCP gave the domain's interfaces. Empty when the domain has none yet. */
  async leases(name: string): Promise<InterfaceAddress[]> {
    const result = await this.#run('domifaddr', '--domain', name, '--source', 'lease', '--full')
    return parseInterfaceAddresses(result.stdout)
  }

  /** Whether this libvirt and QEMU can run domains of the type and machine; the text of the refusal otherwise. */
  async refusalOf(domainType: string, machine: string): Promise<string | undefined> {
    const result = await this.#try('domcapabilities', '--virttype', domainType, '--machine', machine)
    return result.exitCode === 0 ? undefined : result.stderr.trim()
  }

  /** Defines a domain from a file on the host; libvirt validates it against its own schema. */
  async define(xmlFile: string): Promise<void> {
    await this.#run('define', '--file', xmlFile, '--validate')
  }

  async start(name: string): Promise<void> {
    await this.#run('start', '--domain', name)
  }

  /** Presses its power button; resolves when that was done, and not when it is off. */
  async shutdown(name: string): Promise<void> {
    await this.#run('shutdown', '--domain', name)
  }

  /** Plugs the cable of an interface in or out, of the running domain alone: its definition stays. */
  async setLink(name: string, macAddress: string, state: 'up' | 'down'): Promise<void> {
    await this.#run('domif-setlink', '--domain', name, '--interface', macAddress, '--state', state)
  }

  /** Takes the power away. No fault when it is off already. */
  async destroy(name: string): Promise<void> {
    const result = await this.#try('destroy', '--domain', name)
    if (result.exitCode !== 0 && (await this.domainNames('running')).includes(name))
      throw new CommandError(result)
  }

  /** Removes a domain's definition with its NVRAM, saved state and the metadata of snapshots and checkpoints. */
  async undefine(name: string): Promise<void> {
    const result = await this.#try(
      'undefine',
      '--domain',
      name,
      '--nvram',
      '--managed-save',
      '--snapshots-metadata',
      '--checkpoints-metadata',
    )
    if (result.exitCode !== 0 && (await this.domainNames()).includes(name)) throw new CommandError(result)
  }

  #run(...args: readonly string[]): Promise<CommandResult> {
    return this.host.run(virshCommand(args), this.#options)
  }

  #try(...args: readonly string[]): Promise<CommandResult> {
    return this.host.tryRun(virshCommand(args), this.#options)
  }
}

/** The system's libvirt, in English: a user's LIBVIRT_DEFAULT_URI or language must not decide. */
export function virshCommand(args: readonly string[]): string[] {
  return ['env', 'LC_ALL=C', 'virsh', '--quiet', '--connect', 'qemu:///system', ...args]
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}
