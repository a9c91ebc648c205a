/**
 * The packages of the guest's release as the mirror has them now, through an apt that keeps its state in the cache
 * folder: it says which versions an image would be built from, and fetches single packages, whatever this machine runs.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DpbenchError, describeError } from '../../src/core/errors.ts'
import { runLocally } from '../../src/core/local-command.ts'
import { architecture, filePackages, kernelPackage, packages, release } from './recipe.ts'

export interface PackageIndex {
  /** `name=version` of everything that an image is made of, sorted. */
  readonly versions: readonly string[]
  /** Fetches the packages of which only files are taken, into `folder`, as .deb files. */
  download(folder: string): Promise<void>
}

export interface IndexOptions {
  /** Keeps apt's state and what it resolved to. */
  readonly folder: string
  /** Lines of a sources.list. */
  readonly sources: readonly string[]
  /** An answer of the mirror that is older is asked for again. */
  readonly maxAgeMs: number
  readonly log: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

interface Resolved {
  readonly kernel: string
  readonly versions: readonly string[]
}

/**
 * Opens the index, asking the mirror when its answer is too old or was for other sources or packages.
 * @throws CommandError when there is no answer yet and the mirror does not give one.
 */
export async function openPackageIndex(options: IndexOptions): Promise<PackageIndex> {
  const { folder, sources, log, signal } = options
  const question = [release, kernelPackage, ...packages, ...singlePackages, ...sources].join('\n')
  const file = join(
    folder,
    `resolved-${createHash('sha256').update(question).digest('hex').slice(0, 16)}.json`,
  )
  const known = await recall(file)
  if (known && known.ageMs < options.maxAgeMs) return packageIndex(options, known.resolved)
  try {
    const resolved = await resolve(options)
    await writeFile(`${file}.new`, JSON.stringify(resolved, null, 2))
    await rename(`${file}.new`, file)
    return packageIndex(options, resolved)
  } catch (error) {
    signal?.throwIfAborted()
    if (!known) throw error
    log(`the mirror does not answer, using what it said before: ${describeError(error).split('\n')[0]}`)
    return packageIndex(options, known.resolved)
  }
}

const singlePackages = Object.values(filePackages).map((file) => file.package)

function packageIndex({ folder, signal }: IndexOptions, { kernel, versions }: Resolved): PackageIndex {
  return {
    versions,
    async download(target) {
      await runLocally(['apt-get', ...aptOptions(folder), 'download', kernel, ...singlePackages], {
        cwd: target,
        signal,
        timeoutMs: 300_000,
      })
    },
  }
}

async function recall(file: string): Promise<{ resolved: Resolved; ageMs: number } | undefined> {
  try {
    const { mtimeMs } = await stat(file)
    return { resolved: JSON.parse(await readFile(file, 'utf8')) as Resolved, ageMs: Date.now() - mtimeMs }
  } catch {
    return undefined // never asked
  }
}

async function resolve({ folder, sources, log, signal }: IndexOptions): Promise<Resolved> {
  for (const part of ['etc', 'state/lists/partial', 'cache/archives/partial']) {
    await mkdir(join(folder, part), { recursive: true })
  }
  await writeFile(join(folder, 'etc/sources.list'), `${sources.join('\n')}\n`)
  await writeFile(join(folder, 'etc/status'), '')
  log(`asking the mirror for the packages of Debian ${release}`)
  const apt = aptOptions(folder)
  const command = { signal, timeoutMs: 300_000 }
  await runLocally(['apt-get', ...apt, '-o', 'APT::Update::Error-Mode=any', 'update'], command)
  const kernel = await kernelImage(apt, signal)
  const wanted = ['?essential', ...packages, kernel, ...singlePackages]
  const simulate = ['--simulate', '--no-install-recommends', 'install', ...wanted]
  const { stdout } = await runLocally(['apt-get', ...apt, ...simulate], command)
  const lines = [...stdout.matchAll(/^Inst (\S+) \((\S+) /gm)]
  if (lines.length === 0) throw new DpbenchError(`apt names no packages for a guest image:\n${stdout}`)
  const versions = new Set(lines.map(([, name, version]) => `${name}=${version}`))
  return { kernel, versions: [...versions].sort() }
}

function aptOptions(folder: string): string[] {
  const settings = {
    Dir: `${folder}/`,
    'Dir::Etc': `${folder}/etc`,
    'Dir::Etc::SourceList': `${folder}/etc/sources.list`,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Dir::State': `${folder}/state`,
    'Dir::State::status': `${folder}/etc/status`,
    'Dir::Cache': `${folder}/cache`,
    'APT::Architecture': architecture,
    'APT::Architectures::': architecture,
    'APT::Sandbox::User': 'root',
    // a machine may have turned these off for itself
    'Dir::Cache::pkgcache': 'pkgcache.bin',
    'Dir::Cache::srcpkgcache': 'srcpkgcache.bin',
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

async function kernelImage(apt: readonly string[], signal?: AbortSignal): Promise<string> {
  const { stdout } = await runLocally(['apt-cache', ...apt, 'depends', kernelPackage], { signal })
  const name = /^\s*Depends: (linux-image-\S+)$/m.exec(stdout)?.[1]
  if (name === undefined)
    throw new DpbenchError(`${kernelPackage} of Debian ${release} depends on no kernel:\n${stdout}`)
  return name
}
