/** `dpbench guest image` and `dpbench guest config`: what guest runs boot, looked at and made by hand. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cacheFolder } from '../lab/paths.ts'
import { UsageError } from '../src/core/errors.ts'
import { programEnvironment } from '../src/core/passphrase.ts'
import { buildKernel, configureByHand } from '../src/guest-run/kernel/build.ts'
import { checkConfigTargets } from '../src/guest-run/kernel/make.ts'
import { removeSentImages } from './guest-hypervisor.ts'
import { guestFiles } from './guest-launchers.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions } from './options.ts'
import { progress, untilSignal } from './terminal.ts'

const imageOptions: readonly OptionSpec[] = [
  { name: 'remove-from', value: 'HYPERVISOR', help: 'remove every image that guest runs have sent there' },
  { name: 'env-config-file', value: 'FILE', help: 'with --remove-from: the config' },
  {
    name: 'env-config-name',
    value: 'NAME',
    help: 'with --remove-from: which config of a file that holds several',
  },
  {
    name: 'wait-for-lease',
    value: 'SECONDS',
    help: 'with --remove-from: wait for a hypervisor that somebody else uses; default: 0',
  },
]

export const guestImageHelp = `dpbench guest image [options]

Builds the image that guest runs boot where the cache does not have it, and prints the paths of its disk, kernel and initrd.

${helpOf(imageOptions)}`

export function guestImage(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, imageOptions)
  refuseUnknown(rest, imageOptions)
  if (rest.length > 0) throw new UsageError(`dpbench guest image takes no ${rest.join(' ')}`)
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  const on = text('remove-from')
  const wait = text('wait-for-lease')
  if (wait !== undefined && !/^\d{1,5}$/.test(wait))
    throw new UsageError(`--wait-for-lease ${wait}: give a whole number from 0 to 99999`)
  return untilSignal(async (signal) => {
    if (on !== undefined) {
      const where = { configFile: text('env-config-file'), configName: text('env-config-name') }
      const waitForLease = Number(wait ?? 0)
      await removeSentImages({ on, ...where, waitForLease, log: progress, signal })
      return 0
    }
    const { disk, kernel, initrd } = await guestFiles({ log: progress, signal })
    process.stdout.write(`disk ${disk}\nkernel ${kernel}\ninitrd ${initrd}\n`)
    return 0
  })
}

const options: readonly OptionSpec[] = [
  { name: 'kernel-source', value: 'DIR', help: 'the source tree; default: the working directory' },
  { name: 'kernel-config', value: 'FILE', help: 'begin with this configuration' },
  { name: 'build', help: 'build afterwards, and print the path of the kernel' },
]

export const guestConfigHelp = `dpbench guest config [options] [TARGET…]

Configures the kernel that dpbench guest run --kernel-source builds: runs the targets (menuconfig, nconfig, oldconfig,
kvm_guest.config, …) of the kernel's makefile for the folder in which it is built. Without targets: menuconfig.

${helpOf(options)}`

export function guestConfig(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, options)
  refuseUnknown(rest, options)
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  const targets = rest.length === 0 && !values['build'] && !values['kernel-config'] ? ['menuconfig'] : rest
  checkConfigTargets(targets)
  return untilSignal(async (signal) => {
    const settings = {
      source: text('kernel-source') ?? process.cwd(),
      config: text('kernel-config'),
      cacheFolder: cacheFolder(),
      log: progress,
      signal,
    }
    const status = targets.length === 0 ? 0 : await configureByHand(settings, targets, atTheTerminal)
    if (status !== 0 || !(values['build'] || values['kernel-config'])) return status
    const { kernel, built } = await buildKernel(settings)
    process.stdout.write(`${kernel.image} (${built === 'now' ? 'built now' : 'nothing has changed'})\n`)
    return 0
  })
}

/** A menu needs the terminal itself. */
async function atTheTerminal(argv: readonly string[]): Promise<number> {
  const [program, ...args] = argv
  const child = spawn(program!, args, { env: programEnvironment(), stdio: 'inherit' })
  const [status] = (await once(child, 'close')) as [number | null]
  return status ?? 1
}
