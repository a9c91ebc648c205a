/**
 * The guest image of the lab: a raw, sparse, bootable disk of Debian that an Ignition document makes into a guest. It is
 * built once and kept in the user's cache folder, under the hash of its recipe and of the versions of its packages.
 */
import { createHash } from 'node:crypto'
import { access, copyFile, mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { DpbenchError } from '../../src/core/errors.ts'
import { lockBuild } from '../../src/core/build-lock.ts'
import { makeDisk } from './disk.ts'
import { debianSources } from './mirror.ts'
import { type PackageIndex, openPackageIndex } from './package-index.ts'
import { release } from './recipe.ts'
import { guestService, makeRootFileSystem } from './root-filesystem.ts'

export interface GuestImage {
  /** The raw disk image. Its kernel and initial file system lie beside it as `vmlinuz` and `initrd.img`. */
  readonly path: string
  /** Of the recipe and the package versions; names the folder. */
  readonly hash: string
  readonly fromCache: boolean
}

export interface BuildOptions {
  readonly log: (line: string) => void
  /** Default: `dpbench` below `XDG_CACHE_HOME` or `~/.cache`. */
  readonly cacheDir?: string
  readonly signal?: AbortSignal
}

/** Tries again: what a killed command wrote last may come between two looks at a folder. */
const removal = { recursive: true, force: true, maxRetries: 10 } as const

/** Mirrors change a few times a day at most, and an image is no worse for being a day old. */
const usualAgeMs = 24 * 3600 * 1000
const freshAgeMs = 10 * 60 * 1000

/** Folders of builds under way start so; whoever holds the lock may remove them. */
const scratchPrefix = 'building-'

/** The folder that dpbench keeps what is slow to build in. */
export function defaultCacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'dpbench')
}

/**
 * The guest image, from the cache when the recipe and the mirror's versions are the same. Needs root. Builders of one
 * cache folder wait for each other; one that is killed leaves only files, which the next removes.
 * @throws DpbenchError, CommandError when a step fails; the signal's reason when it aborts.
 */
export async function buildGuestImage(options: BuildOptions): Promise<GuestImage> {
  if (process.getuid?.() !== 0) throw new DpbenchError('the guest image can only be built by root: use sudo')
  const folder = join(options.cacheDir ?? defaultCacheFolder(), 'guest-image')
  await mkdir(folder, { recursive: true })
  await using _lock = await lockBuild(join(folder, 'lock'), {
    onWait: () => options.log('waiting for another build of the guest image'),
    signal: options.signal,
  })
  await removeStale(folder)
  const cached = await lookUp(folder, usualAgeMs, options)
  if (cached.present) return { path: cached.path, hash: cached.hash, fromCache: true }
  // What an old answer of the mirror names may not be there any more.
  const { index, sources, ...image } = await lookUp(folder, freshAgeMs, options)
  const { path, hash } = image
  if (image.present) return { path, hash, fromCache: true }
  const scratch = join(folder, `${scratchPrefix}${process.pid}`)
  try {
    await build(scratch, index, sources, options)
    await rename(join(scratch, 'result'), dirname(path))
  } finally {
    await rm(scratch, removal)
  }
  return { path, hash, fromCache: false }
}

interface Lookup {
  readonly path: string
  readonly hash: string
  readonly present: boolean
  readonly sources: readonly string[]
  readonly index: PackageIndex
}

async function lookUp(folder: string, maxAgeMs: number, { log, signal }: BuildOptions): Promise<Lookup> {
  const sources = await debianSources(release, signal)
  const index = await openPackageIndex({ folder: join(folder, 'apt'), sources, maxAgeMs, log, signal })
  const hash = await recipeHash(index)
  const path = join(folder, hash, 'guest.img')
  return { path, hash, present: await exists(path), sources, index }
}

async function build(
  scratch: string,
  index: PackageIndex,
  sources: readonly string[],
  options: BuildOptions,
): Promise<void> {
  const { log, signal } = options
  const root = join(scratch, 'root')
  const result = join(scratch, 'result')
  await mkdir(result, { recursive: true })
  await makeRootFileSystem(root, { scratch, index, sources, log, command: { signal } })
  log('writing the disk')
  const image = join(result, 'guest.img')
  await makeDisk(image, root, { signal })
  await copyFile(join(root, 'boot/vmlinuz'), join(result, 'vmlinuz'))
  await copyFile(join(root, 'boot/initrd.img'), join(result, 'initrd.img'))
  await writeFile(join(result, 'packages.txt'), `${index.versions.join('\n')}\n`)
  const file = await open(image, 'r+')
  await file.sync() // before the name under which others find it
  await file.close()
}

/** Every file of this folder is part of the recipe, and the guest service: a change of any makes another image. */
async function recipeHash(index: PackageIndex): Promise<string> {
  const hash = createHash('sha256')
  const here = import.meta.dirname
  const paths = await readdir(here, { recursive: true, withFileTypes: true })
  const files = paths.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  for (const file of files.sort()) hash.update(`${file.slice(here.length)}\0`).update(await readFile(file))
  hash.update(await readFile(guestService))
  return hash.update(index.versions.join('\n')).digest('hex').slice(0, 16)
}

async function removeStale(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(scratchPrefix)) await rm(join(folder, name), removal)
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
