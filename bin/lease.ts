/** `dpbench lease`: who uses the hypervisors of a config; `--break` ends that. */
import { loadConfig } from '../src/config/index.ts'
import type { BenchConfig } from '../src/config/types.ts'
import { DpbenchError, ExitCode, UsageError, describeError } from '../src/core/errors.ts'
import { hypervisorAddress } from '../src/environment/addresses.ts'
import {
  breakHypervisorLease,
  describeHolder,
  readHypervisorLease,
} from '../src/environment/hypervisor-lease.ts'
import { Hypervisor } from '../src/machine/hypervisor.ts'
import { suggest } from '../src/core/suggest.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions } from './options.ts'
import { untilSignal } from './terminal.ts'

const options: readonly OptionSpec[] = [
  {
    name: 'env-config-file',
    value: 'FILE',
    help: 'default: config/test_configurations.json, else the running lab',
  },
  { name: 'env-config-name', value: 'NAME', help: 'which config of a file that holds several' },
  { name: 'break', help: 'end the process that holds it; whoever it is finds its lease lost, and stops' },
]

export const leaseHelp = `dpbench lease [options] [HYPERVISOR…]

Shows who uses each hypervisor: a run, provisioning or clean-up holds a lease while it works, from whichever controller. A
lease ends with its owner. --break is for one that hangs.

${helpOf(options)}`

type HypervisorConfig = BenchConfig['hypervisors'][number]

export async function lease(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, options)
  refuseUnknown(rest, options)
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  return untilSignal(async (signal) => {
    const config = await loadConfig({
      file: text('env-config-file') ?? process.env['DPBENCH_ENV_CONFIG_FILE'],
      name: text('env-config-name') ?? process.env['DPBENCH_ENV_CONFIG_NAME'],
    })
    const chosen = choose(config, rest)
    const told = await Promise.all(
      chosen.map((each) => tellOf(config, each, values['break'] === true, signal)),
    )
    for (const { line } of told) process.stdout.write(`${line}\n`)
    signal.throwIfAborted()
    return told.every(({ known }) => known) ? ExitCode.passed : ExitCode.infrastructure
  })
}

/** @throws UsageError for names that the config has not */
function choose({ hypervisors }: BenchConfig, names: readonly string[]): readonly HypervisorConfig[] {
  if (names.length === 0) return hypervisors
  const known = hypervisors.map(({ name }) => name)
  const faults = names
    .filter((name) => !known.includes(name))
    .map((name) => {
      const near = suggest(name, known)
      return `the config has no hypervisor ${name}${near ? `: did you mean ${near}?` : `; it has ${known.join(', ')}`}`
    })
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return hypervisors.filter(({ name }) => names.includes(name))
}

async function tellOf(
  config: BenchConfig,
  hypervisor: HypervisorConfig,
  breaking: boolean,
  signal: AbortSignal,
): Promise<{ line: string; known: boolean }> {
  const { name } = hypervisor
  try {
    await using connected = await Hypervisor.connect(hypervisorAddress(config, hypervisor), { signal })
    const holder = await (breaking ? breakHypervisorLease : readHypervisorLease)(connected.ssh)
    if (!holder) return { line: `${name}: free`, known: true }
    return { line: `${name}: ${breaking ? 'broken: ' : ''}${describeHolder(holder)}`, known: true }
  } catch (error) {
    if (!(error instanceof DpbenchError)) throw error
    return { line: `${name}: not known: ${describeError(error)}`, known: false }
  }
}
