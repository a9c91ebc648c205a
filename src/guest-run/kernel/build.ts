/**
 * A kernel from its source tree, for guest runs: configured with what a guest needs, built out of tree, and not built
 * again while nothing has changed. What makes it go stale is `make`'s to say; whether there is anything to ask it, is ours.
 */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, realpath, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { lockBuild } from '../../core/build-lock.ts'
import { ConfigError, GuestRunError } from '../../core/errors.ts'
import { runLocally, tryLocally } from '../../core/local-command.ts'
import type { GuestPlan } from '../launcher.ts'
import { type KernelTree, checkTree, exists, heldMake, makeCommand } from './make.ts'
import {
  mergeOptions,
  missingOptions,
  missingSentence,
  requiredByScripts,
  requiredOptions,
  wantedOptions,
} from './options.ts'
import { checkPrograms } from './programs.ts'

export interface KernelBuildOptions {
  readonly source: string
  /** Default: a folder below `cacheFolder`, by the path of the source. */
  readonly output?: string | undefined
  readonly cacheFolder: string
  /** A configuration to begin with, in the place of the one in `output` or of the kernel's `defconfig`. */
  readonly config?: string | undefined
  /** What the scripts that will run require of it, as ktest writes it: `MD`, `SCSI_DEBUG=m`. */
  readonly require?: readonly string[] | undefined
  readonly log: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

export interface BuiltKernel {
  readonly kernel: NonNullable<GuestPlan['kernel']>
  readonly output: string
  /** What was found to do: nothing at all, or what `make` did not find up to date. */
  readonly built: 'now' | 'before'
}

const hours = 3600_000

/** Where the kernel of a source tree is built when nothing else is said: one folder per tree. */
export async function kernelTree(
  options: Pick<KernelBuildOptions, 'source' | 'output' | 'cacheFolder'>,
): Promise<KernelTree> {
  const source = await realpath(options.source).catch((cause: unknown) => {
    throw new ConfigError(`--kernel-source ${options.source} cannot be read`, [], { cause })
  })
  const id = createHash('sha256').update(source).digest('hex').slice(0, 8)
  const output = options.output ?? join(options.cacheFolder, 'kernels', `${basename(source)}-${id}`)
  return { source, output: resolve(output) }
}

/**
 * Configures and builds; two at a time for one folder wait for each other.
 * @throws ConfigError with a sentence per option that a guest lacks; GuestRunError with make's last lines
 */
export async function buildKernel(options: KernelBuildOptions): Promise<BuiltKernel> {
  const { log, signal } = options
  const tree = await kernelTree(options)
  await checkTree(tree)
  await checkPrograms(tree)
  await mkdir(tree.output, { recursive: true })
  await using _lock = await lockBuild(join(tree.output, '.dpbench-lock'), {
    onWait: () => log(`waiting for another build in ${tree.output}`),
    signal,
  })
  await configure(tree, options)
  const stamp = join(tree.output, '.dpbench-built')
  if (await upToDate(tree, stamp)) return { ...(await results(tree)), built: 'before' }
  await rm(stamp, { force: true })
  const begun = new Date() // what is saved while make runs is newer than the stamp
  log(`building the kernel of ${tree.source} in ${tree.output}`)
  await make(tree, ['bzImage'], options)
  const config = await readFile(join(tree.output, '.config'), 'utf8')
  await rm(modulesFolder(tree), { recursive: true, force: true })
  if (/^CONFIG_\w+=m$/m.test(config)) {
    await make(tree, ['modules'], options)
    const install = ['modules_install', `INSTALL_MOD_PATH=${modulesFolder(tree)}`, 'INSTALL_MOD_STRIP=1']
    await make(tree, install, options)
  }
  await writeFile(stamp, hashOf(config))
  await utimes(stamp, begun, begun)
  return { ...(await results(tree)), built: 'now' }
}

/** Runs configuration targets, such as `menuconfig`, at the terminal; resolves with make's exit status. */
export async function configureByHand(
  options: KernelBuildOptions,
  targets: readonly string[],
  run: (argv: readonly string[]) => Promise<number>,
): Promise<number> {
  const tree = await kernelTree(options)
  await checkTree(tree)
  await checkPrograms(tree)
  await mkdir(tree.output, { recursive: true })
  return await run(makeCommand(tree, targets))
}

async function configure(tree: KernelTree, options: KernelBuildOptions): Promise<void> {
  const file = join(tree.output, '.config')
  if (options.config !== undefined) {
    const given = await readFile(options.config, 'utf8').catch((cause: unknown) => {
      throw new ConfigError(`the kernel's configuration ${options.config} cannot be read`, [], { cause })
    })
    const origin = join(tree.output, '.dpbench-config')
    const before = await readFile(origin, 'utf8').catch(() => undefined) // none was given before
    if (before !== given) {
      await copyFile(options.config, file)
      await writeFile(origin, given)
    }
  }
  if (!(await exists(file))) await make(tree, ['defconfig'], options)
  const required = [...requiredOptions, ...requiredByScripts(options.require ?? [])]
  const all = [...required, ...wantedOptions]
  let config = await readFile(file, 'utf8')
  const asked = join(tree.output, '.dpbench-merged')
  const before = await readFile(asked, 'utf8').catch(() => '') // never merged
  const hash = (): string => hashOf(`${config}${options.require?.join() ?? ''}`)
  if (missingOptions(config, all).length > 0 && before !== hash()) {
    await writeFile(file, mergeOptions(config, all))
    await make(tree, ['olddefconfig'], options)
    config = await readFile(file, 'utf8')
    await writeFile(asked, hash())
  }
  if (missingOptions(config, all).length === 0) return
  const known = await knownOptions(tree)
  const missing = missingOptions(config, required, known)
  if (missing.length > 0) {
    throw new ConfigError(
      `the kernel of ${tree.source} would run no guest`,
      missing.map((option) => missingSentence(option, config)),
    )
  }
  const without = missingOptions(config, wantedOptions, known).map(({ name, why }) => `${name} (${why})`)
  if (without.length > 0)
    options.log(`the kernel has not built in what a guest may do without: ${without.join(', ')}`)
}

/** Options come and go with versions: one that no Kconfig file of the tree defines is not missing. */
async function knownOptions({ source }: KernelTree): Promise<(name: string) => boolean> {
  const pattern = '^(menu)?config [A-Z0-9_a-z]+'
  const result = await tryLocally(['grep', '-rhoE', '--include=Kconfig*', pattern, source])
  const names = new Set(result.stdout.split('\n').map((line) => line.split(' ')[1]))
  return (name) => names.has(name)
}

/** Whether nothing below the source, and no option, has changed since the stamp; a file that went changes its folder. */
async function upToDate(tree: KernelTree, stamp: string): Promise<boolean> {
  const [known, config] = await Promise.all([
    readFile(stamp, 'utf8').catch(() => ''), // never built
    readFile(join(tree.output, '.config'), 'utf8'),
  ])
  if (known !== hashOf(config) || !(await exists(imageOf(tree)))) return false
  const newer = ['find', tree.source, '-name', '.git', '-prune', '-o', '-newer', stamp, '-print', '-quit']
  const { stdout } = await runLocally(newer)
  return stdout === ''
}

async function make(
  tree: KernelTree,
  targets: readonly string[],
  options: KernelBuildOptions,
): Promise<void> {
  const started = performance.now()
  const result = await heldMake(tree, targets, {
    signal: options.signal,
    timeoutMs: 12 * hours,
    env: { ...process.env, LC_ALL: 'C', KBUILD_BUILD_USER: 'dpbench', KBUILD_BUILD_HOST: 'dpbench' },
  })
  options.signal?.throwIfAborted()
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  if (result.exitCode === 0) return options.log(`make ${targets[0]}: ${seconds} s`)
  const said = `${result.stderr}\n${result.stdout}`.split('\n').filter((line) => /\S/.test(line))
  const errors = said.filter((line) => /error|\*\*\*|not found/i.test(line))
  const shown = (errors.length > 0 ? errors : said.slice(-10)).slice(0, 10)
  throw new GuestRunError(`make ${targets[0]} of ${tree.source} failed:\n  ${shown.join('\n  ')}`)
}

async function results(tree: KernelTree): Promise<Pick<BuiltKernel, 'kernel' | 'output'>> {
  const image = imageOf(tree)
  if (!(await stat(image).catch(() => undefined))) {
    throw new GuestRunError(`make ended well, and ${image} is not there`)
  }
  const modules = modulesFolder(tree)
  const kernel = (await exists(join(modules, 'lib/modules'))) ? { image, modules } : { image }
  return { kernel, output: tree.output }
}

function imageOf({ output }: KernelTree): string {
  return join(output, 'arch/x86/boot/bzImage')
}

function modulesFolder({ output }: KernelTree): string {
  return join(output, 'dpbench-modules')
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
