/** What `dpbench guest run` starts its guests with: as its options say, on this machine or a hypervisor. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { DisposalStack } from '../src/core/disposal-stack.ts'
import { UsageError } from '../src/core/errors.ts'
import { gem5Launcher } from '../src/guest-run/launch/gem5.ts'
import { buildKernel } from '../src/guest-run/kernel/build.ts'
import type { GuestPlan, Launcher } from '../src/guest-run/launcher.ts'
import { cacheFolder } from '../lab/paths.ts'
import { openLibvirtLauncher } from './guest-hypervisor.ts'
import { guestFiles, openQemuLauncher } from './guest-launchers.ts'

export interface LauncherRequest {
  readonly on?: string | undefined
  readonly configFile?: string | undefined
  readonly configName?: string | undefined
  readonly waitForLease?: number | undefined
  readonly kernel?: string | undefined
  readonly initrd?: string | undefined
  readonly modules?: string | undefined
  readonly kernelSource?: string | undefined
  readonly kernelConfig?: string | undefined
  /** What the scripts require of a kernel that is built. */
  readonly kernelOptions?: readonly string[]
  readonly gdb?: boolean
  readonly gem5?: string | undefined
  readonly gem5Config?: string | undefined
  readonly log: (line: string) => void
  readonly signal: AbortSignal
}

export interface OpenedLauncher extends AsyncDisposable {
  readonly launcher: Launcher
  readonly kernel: GuestPlan['kernel']
}

/** @throws UsageError for files that are not there, before anything is built */
export async function openGuestLauncher(request: LauncherRequest): Promise<OpenedLauncher> {
  await refuseMissing(request)
  const open = new DisposalStack()
  try {
    const kernel = await kernelOf(request)
    const launcher = await launcherOf(request, open)
    return { launcher, kernel, [Symbol.asyncDispose]: () => open[Symbol.asyncDispose]() }
  } catch (error) {
    await open[Symbol.asyncDispose]()
    throw error
  }
}

async function launcherOf(request: LauncherRequest, open: DisposalStack): Promise<Launcher> {
  const { on, gdb, gem5, gem5Config, log, signal } = request
  if (on !== undefined) return await openLibvirtLauncher({ ...request, on }, open)
  if (gem5 === undefined) return await openQemuLauncher({ log, signal, gdb: gdb ? 'wait' : undefined })
  const files = await guestFiles({ log, signal })
  return gem5Launcher({ program: gem5, config: gem5Config!, files, log })
}

async function refuseMissing(request: LauncherRequest): Promise<void> {
  const { kernel, initrd, modules, kernelSource, kernelConfig, gem5, gem5Config } = request
  const faults: string[] = []
  const check = async (option: string, path: string | undefined, inside = ''): Promise<void> => {
    if (path === undefined) return
    await access(join(path, inside)).catch(() =>
      faults.push(`--${option} ${path}: ${inside || 'it'} is not there`),
    )
  }
  await check('kernel', kernel)
  await check('initrd', initrd)
  await check('modules', modules, 'lib/modules')
  await check('kernel-source', kernelSource)
  await check('kernel-config', kernelConfig)
  await check('gem5', gem5)
  await check('gem5-config', gem5Config)
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
}

async function kernelOf(request: LauncherRequest): Promise<GuestPlan['kernel']> {
  const { kernel, initrd, modules, kernelSource, kernelConfig, kernelOptions, gem5, log, signal } = request
  if (kernelSource !== undefined) {
    const built = await buildKernel({
      source: kernelSource,
      config: kernelConfig,
      require: kernelOptions,
      cacheFolder: cacheFolder(),
      log,
      signal,
    })
    return gem5 === undefined ? built.kernel : { image: join(built.output, 'vmlinux') }
  }
  if (kernel === undefined) return undefined
  return {
    image: kernel,
    ...(initrd !== undefined && { initrd }),
    ...(modules !== undefined && { modules }),
  }
}
