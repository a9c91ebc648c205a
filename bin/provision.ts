/** `dpbench provision`, and `npm run provision -- …`. */
import { UsageError } from '../src/core/errors.ts'
import { cleanUpProvisioned, liveProgress, plainProgress, provision } from '../provision/main.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions } from './options.ts'
import { progress, untilSignal } from './terminal.ts'

const options: readonly OptionSpec[] = [
  { name: 'disk-template', value: 'IMG', help: "the VMs' disk image, raw or qcow2 (required)" },
  {
    name: 'env-config-file',
    value: 'FILE',
    help: 'default: config/test_configurations.json, else the running lab',
  },
  { name: 'env-config-name', value: 'NAME', help: 'which config of a file that holds several' },
  { name: 'ignition-template-name', value: 'NAME', help: "another Ignition template of the config's folder" },
  { name: 'xml-template-name', value: 'NAME', help: "another domain template of the config's folder" },
  { name: 'clean-up', help: 'remove what provisioning created, by the journal, and nothing else' },
  { name: 'dry-run', help: 'print every command and file; no connection is opened' },
  { name: 'verbose', help: 'show every step' },
]

export const provisionHelp = `dpbench provision --disk-template IMG [options]
dpbench provision --clean-up

${helpOf(options)}`

export async function runProvision(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, options)
  refuseUnknown(rest, options)
  if (rest.length > 0)
    throw new UsageError(`provision takes no ${rest.join(' ')}: the image goes to --disk-template`)
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  const chosen = {
    diskTemplate: text('disk-template'),
    envConfigFile: text('env-config-file') ?? process.env['DPBENCH_ENV_CONFIG_FILE'],
    envConfigName: text('env-config-name') ?? process.env['DPBENCH_ENV_CONFIG_NAME'],
    ignitionTemplateName: text('ignition-template-name'),
    xmlTemplateName: text('xml-template-name'),
    cleanUp: values['clean-up'] === true,
    dryRun: values['dry-run'] === true,
    verbose: values['verbose'] === true,
  }
  return untilSignal(async (signal) => {
    if (chosen.cleanUp) return cleanUp(chosen, signal)
    const print = (line: string): void => void process.stdout.write(`${line}\n`)
    using live = process.stderr.isTTY ? liveProgress(process.stderr) : undefined
    const deps = { log: chosen.dryRun ? print : progress, progress: live ?? plainProgress(progress), signal }
    const { vms, workingFile } = await provision(chosen, deps)
    for (const vm of vms) print(`${vm.name} on ${vm.hypervisor}: ${vm.state}, ${vm.address}`)
    if (workingFile !== undefined) print(`written: ${workingFile}`)
    return 0
  })
}

async function cleanUp(
  chosen: Parameters<typeof cleanUpProvisioned>[0],
  signal: AbortSignal,
): Promise<number> {
  await cleanUpProvisioned(chosen, { log: progress, signal })
  return 0
}
