/**
 * The packages of the guest's release as the mirror has them now, through an apt that keeps its state in the cache
 * folder: it says which versions an image would be built from, and fetches single packages, whatever this machine runs.
 */
import { mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DpbenchError, describeError } from '../../src/core/errors.ts'
import { runLocally } from '../../src/core/local-command.ts'
import { architecture, filePackages, kernelPackage, packages, release } from './recipe.ts'

/** Mirrors change a few times a day at most, and an image is no worse for being a day old. */
const refreshAfterMs = 24 * 3600 * 1000

export interface PackageIndex {
  /** `name=version` of everything that an image is made of, sorted. */
  readonly versions: readonly string[]
  /** Fetches the packages of which only files are taken, into `folder`; the paths of the .deb files. */
  download(folder: string): Promise<void>
}

/**
 * Opens the index in `folder`, refreshing it when it is older than a day or was made from other sources.
 * @throws CommandError when there is none yet and the mirror does not answer.
 */
export async function openPackageIndex(options: {
  folder: string
  sources: readonly string[]
  log: (line: string) => void
  signal?: AbortSignal | undefined
}): Promise<PackageIndex> {
  const { folder, signal } = options
  for (const part of ['etc', 'state/lists/partial', 'cache/archives/partial']) {
    await mkdir(join(folder, part), { recursive: true })
  }
  const apt = aptOptions(folder)
  await refresh(options, apt)
  const kernel = await kernelImage(apt, signal)
  const names = [...packages, kernel, ...Object.values(filePackages).map((file) => file.package)]
  const simulate = ['--simulate', '--no-install-recommends', 'install', '?essential', ...names]
  const { stdout } = await runLocally(['apt-get', ...apt, ...simulate], { signal })
  const versions = [...stdout.matchAll(/^Inst (\S+) \((\S+) /gm)].map(
    ([, name, version]) => `${name}=${version}`,
  )
  if (versions.length === 0) throw new DpbenchError(`apt names no packages for a guest image:\n${stdout}`)
  const single = [kernel, ...Object.values(filePackages).map((file) => file.package)]
  return {
    versions: [...new Set(versions)].sort(),
    async download(target) {
      await runLocally(['apt-get', ...apt, '-o', 'APT::Sandbox::User=root', 'download', ...single], {
        cwd: target,
        signal,
        timeoutMs: 300_000,
      })
    },
  }
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
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

async function refresh(
  options: {
    folder: string
    sources: readonly string[]
    log: (line: string) => void
    signal?: AbortSignal | undefined
  },
  apt: readonly string[],
): Promise<void> {
  const { folder, sources, log, signal } = options
  const stamp = join(folder, `updated-${Buffer.from(sources.join()).toString('base64url').slice(-40)}`)
  const age = await stat(stamp).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => Number.POSITIVE_INFINITY,
  )
  if (age < refreshAfterMs) return
  await writeFile(join(folder, 'etc/sources.list'), `${sources.join('\n')}\n`)
  await writeFile(join(folder, 'etc/status'), '')
  log(`asking the mirror for the packages of Debian ${release}`)
  try {
    await runLocally(['apt-get', ...apt, '-o', 'APT::Update::Error-Mode=any', 'update'], {
      signal,
      timeoutMs: 300_000,
    })
  } catch (error) {
    signal?.throwIfAborted()
    if (!Number.isFinite(age)) throw error
    log(`the mirror does not answer, using what it said before: ${describeError(error).split('\n')[0]}`)
    return
  }
  await writeFile(`${stamp}.new`, '')
  await rename(`${stamp}.new`, stamp)
}

async function kernelImage(apt: readonly string[], signal?: AbortSignal): Promise<string> {
  const { stdout } = await runLocally(['apt-cache', ...apt, 'depends', kernelPackage], { signal })
  const name = /^\s*Depends: (linux-image-\S+)$/m.exec(stdout)?.[1]
  if (name === undefined)
    throw new DpbenchError(`${kernelPackage} of Debian ${release} depends on no kernel:\n${stdout}`)
  return name
}
