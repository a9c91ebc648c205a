/**
 * Builds softplane's container image in a Docker engine: a base that is cached as an archive, and the small layer of
 * `image/` on it. Both are named by the hash of what they are made of, so nothing is done twice.
 */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runLocally, tryLocally } from '../../src/core/local-command.ts'
import { makeBaseArchive, readBaseRecipe, type BaseRecipe } from './base-recipe.ts'

export interface BuildSoftplaneOptions {
  /** The engine to build in: `unix:///…`. */
  readonly dockerHost: string
  /** Gets progress lines, one at a time. */
  readonly log: (line: string) => void
  /** Default `~/.cache/dpbench` (or under `XDG_CACHE_HOME`). */
  readonly cacheDir?: string
  readonly signal?: AbortSignal
}

/** The folder that Docker builds: what `--dpservice-source` can be pointed at. */
export const softplaneSource = fileURLToPath(new URL('image', import.meta.url))

/**
 * Makes sure that the engine has softplane's image, and its base as `softplane-base:latest`.
 * @returns its local tag, `softplane:<hash of its content>`.
 * @throws CommandError when a program fails, DeployError when apt does not offer the packages.
 */
export async function buildSoftplaneImage(options: BuildSoftplaneOptions): Promise<{ reference: string }> {
  const { log, signal } = options
  const recipe = await readBaseRecipe(signal)
  const base = `softplane-base:${recipe.id}`
  const reference = `softplane:${await layerHash(recipe)}`
  const docker = dockerClient(options)
  if (!(await docker.has(base))) {
    const archive = await cachedArchive(recipe, options)
    log(`importing softplane's base ${base}`)
    await docker.run(['import', '--change', 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin', archive, base])
  }
  await docker.run(['tag', base, 'softplane-base:latest'])
  if (!(await docker.has(reference))) {
    log(`building ${reference}`)
    await docker.run(['build', '--quiet', '--build-arg', `BASE=${base}`, '--tag', reference, softplaneSource])
  }
  return { reference }
}

function dockerClient({ dockerHost, signal }: BuildSoftplaneOptions): {
  has: (image: string) => Promise<boolean>
  run: (args: readonly string[]) => Promise<void>
} {
  const docker = ['docker', '--host', dockerHost]
  // the classic builder is the one that every engine has
  const env = { ...process.env, DOCKER_BUILDKIT: '0' }
  return {
    has: async (image) => {
      const found = await tryLocally([...docker, 'image', 'inspect', '--format', '{{.Id}}', image], {
        signal,
        env,
      })
      return found.exitCode === 0
    },
    run: async (args) => {
      await runLocally([...docker, ...args], { signal, env, timeoutMs: 300_000 })
    },
  }
}

async function cachedArchive(recipe: BaseRecipe, options: BuildSoftplaneOptions): Promise<string> {
  const cache = options.cacheDir ?? join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'dpbench')
  const folder = join(cache, 'softplane-base', recipe.id)
  const archive = join(folder, 'rootfs.tar')
  if (await exists(archive)) return archive
  options.log("making softplane's base from this machine's package sources")
  await mkdir(join(cache, 'softplane-base'), { recursive: true })
  const unfinished = await mkdtemp(`${folder}.`)
  try {
    await makeBaseArchive(recipe, join(unfinished, 'rootfs.tar'), options)
    await rename(unfinished, folder)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    if (await exists(archive)) return archive // made by somebody else meanwhile
    throw error
  }
  return archive
}

async function layerHash(recipe: BaseRecipe): Promise<string> {
  const hash = createHash('sha256').update(recipe.id)
  const entries = await readdir(softplaneSource, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  for (const file of files.sort()) {
    const mode = (await stat(file)).mode & 0o111
    hash.update(`\0${file.slice(softplaneSource.length)}\0${mode}\0`).update(await readFile(file))
  }
  return hash.digest('hex').slice(0, 16)
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
}
