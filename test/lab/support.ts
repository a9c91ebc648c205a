/** What the tests of the lab share: when they can run, how they log in, and what a lab may have left on the machine. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandResult } from '../../src/core/command-result.ts'
import { runLocally, tryLocally } from '../../src/core/local-command.ts'
import { quoteArgv } from '../../src/core/shell-quote.ts'
import { capabilityFaults } from '../../lab/capable.ts'
import type { LabDescription } from '../../lab/description.ts'
import { leftovers } from '../../lab/down.ts'
import { missingPackages } from '../../lab/packages.ts'
import { linkPrefix } from '../../lab/tag.ts'

const faults = capabilityFaults()
const missing = faults.length === 0 ? await missingPackages() : []

/** Why no lab can be had here; empty where one can. */
export const whyNoLab = [
  ...faults,
  ...(missing.length > 0 ? [`Missing packages: ${missing.join(' ')}.`] : []),
]
if (whyNoLab.length > 0) process.stderr.write(`skipped, as there can be no lab here: ${whyNoLab.join(' ')}\n`)

/** Different in every test process, so that test runs do not meet. */
export function testLabName(purpose: string): string {
  return `t-${purpose}-${process.env['DPBENCH_TEST_RUN'] ?? process.pid}`
}

/** An OpenSSH client that trusts the host keys of the lab's description and nothing else. */
export class LabSsh {
  readonly #lab: LabDescription
  constructor(lab: LabDescription) {
    this.#lab = lab
  }

  /** Runs a command on a hypervisor, or through it on one of its guests; resolves however it ends. */
  async run(machine: string, argv: readonly string[], input = ''): Promise<CommandResult> {
    const knownHosts = join(this.#lab.folder, 'known_hosts')
    const base = [
      '-F',
      '/dev/null',
      '-i',
      this.#lab.keyFile,
      '-o',
      'BatchMode=yes',
      '-o',
      'IdentitiesOnly=yes',
    ]
    const target = this.#find(machine)
    const pinned: string[] = []
    const trust = ({ address, hostKey }: { address: string; hostKey: string }, alias: string): string[] => {
      pinned.push(`${alias} ${hostKey}`)
      const options = [
        `UserKnownHostsFile=${knownHosts}`,
        'StrictHostKeyChecking=yes',
        `HostKeyAlias=${alias}`,
      ]
      return [...base, ...options.flatMap((option) => ['-o', option]), `root@${address}`]
    }
    const hypervisor = trust(target.hypervisor, target.hypervisor.name)
    const proxy = `ProxyCommand=${quoteArgv(['ssh', '-W', '%h:%p', ...hypervisor])}`
    const destination = target.guest ? ['-o', proxy, ...trust(target.guest, machine)] : hypervisor
    await writeFile(knownHosts, `${pinned.join('\n')}\n`)
    return tryLocally(['ssh', ...destination, quoteArgv(argv)], { input, timeoutMs: 60_000 })
  }

  /** Runs a command and returns what it printed. Throws when it fails. */
  async output(machine: string, argv: readonly string[], input = ''): Promise<string> {
    const result = await this.run(machine, argv, input)
    if (result.exitCode !== 0)
      throw new Error(`${quoteArgv(argv)} on ${machine}: ${result.stderr}${result.stdout}`)
    return result.stdout
  }

  #find(machine: string): {
    hypervisor: LabDescription['hypervisors'][number]
    guest?: { address: string; hostKey: string }
  } {
    for (const hypervisor of this.#lab.hypervisors) {
      if (hypervisor.name === machine) return { hypervisor }
      const guest = hypervisor.vms.find((vm) => vm.name === machine)?.guest
      if (guest) return { hypervisor, guest }
    }
    throw new Error(`no machine ${machine} in the lab`)
  }
}

/** What a lab could change on the machine, without what other labs and other people's containers change meanwhile. */
export async function machineSnapshot(lab: string): Promise<Record<string, readonly string[]>> {
  return {
    left: await leftovers(lab),
    links: (await lines('ip', '-brief', 'link'))
      .map((line) => line.split(/\s/)[0] ?? '')
      .filter((name) => !name.startsWith('dpb') || name.startsWith(linkPrefix(lab))),
    routes: (await lines('ip', '-4', 'route', 'show', 'table', 'all')).filter(
      (line) => !/dev dpb/.test(line),
    ),
    namespaces: await lines('ip', 'netns', 'list'),
    mounts: (await lines('mount')).filter((line) => line.includes('/dpbench')),
    iptables: withoutCounters(await lines('iptables-save')),
    nftables: await lines('nft', 'list', 'ruleset'),
    forwarding: await lines('sysctl', '-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'),
  }
}

async function lines(...argv: string[]): Promise<string[]> {
  return (await runLocally(argv)).stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

function withoutCounters(rules: string[]): string[] {
  return rules.map((rule) => rule.replace(/\[\d+:\d+\]/, ''))
}
