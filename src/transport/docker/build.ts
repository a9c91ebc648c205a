/**
 * An image built on the controller from a source tree, by the docker program: it knows contexts, BuildKit, TLS and the
 * logins of whoever types, and its cache is the engine's own.
 */
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { z } from 'zod'
import { CommandError, type CommandResult } from '../../core/command-result.ts'
import { DeployError, UsageError, describeError } from '../../core/errors.ts'
import type { Observe } from '../../core/steps.ts'
import { type LocalCommandOptions, tryLocally } from '../../core/local-command.ts'
import { toolJson } from '../../core/tool-output.ts'

/** Plain data: it goes from the main process to the workers. */
export interface BuiltImage {
  /** The folder that was built. */
  readonly source: string
  /** The tag that it has here, and on each hypervisor that it was shipped to. */
  readonly reference: string
  /** As the controller's engine names it, `sha256:…`. */
  readonly id: string
  /** Digests of the uncompressed layers, lowest first. */
  readonly layers: readonly string[]
  /** The controller's engine as `docker --host` takes it; undefined: as the docker program finds it. */
  readonly dockerHost: string | undefined
}

export interface BuildOptions {
  readonly source: string
  readonly reference: string
  readonly dockerHost: string | undefined
  /** Gets everything that the build says. */
  readonly logFile: string
  readonly onLine: (line: string) => void
  readonly signal?: AbortSignal | undefined
  readonly observe?: Observe | undefined
  /** Answers in the place of the docker program. */
  readonly instead?: LocalCommandOptions['instead']
}

/** Long enough for a cold build of DPDK on a small machine. */
const buildTimeoutMs = 2 * 3_600_000

/** @throws UsageError when there is nothing to build in `source` */
export async function requireSource(source: string): Promise<void> {
  const isThere = async (path: string, kind: 'isDirectory' | 'isFile'): Promise<boolean> =>
    stat(path).then(
      (found) => found[kind](),
      () => false,
    )
  if (!(await isThere(source, 'isDirectory')))
    throw new UsageError(`--dpservice-source ${source} is no folder: name the folder of dpservice's sources`)
  if (!(await isThere(join(source, 'Dockerfile'), 'isFile')))
    throw new UsageError(
      `--dpservice-source ${source} has no Dockerfile: name the folder that \`docker build\` is to build`,
    )
}

/**
 * Builds `source`, unchanged layers from the engine's cache.
 * @throws DeployError when the engine cannot be reached or the build fails, with the end of its output
 */
export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const { source, reference, dockerHost, logFile, signal, observe, instead } = options
  await requireEngine(dockerHost, { signal, observe, instead })
  const scratch = await mkdtemp(join(tmpdir(), 'dpbench-build-'))
  const log = createWriteStream(logFile)
  try {
    const idFile = join(scratch, 'id')
    const onLine = (line: string): void => {
      log.write(`${line}\n`)
      options.onLine(line)
    }
    const argv = dockerCommand(dockerHost, 'build', '--iidfile', idFile, '--tag', reference, source)
    const result = await tryDocker(argv, { signal, observe, instead, onLine, timeoutMs: buildTimeoutMs })
    signal?.throwIfAborted()
    if (result.exitCode !== 0) {
      throw new DeployError(
        `the image of ${source} does not build: correct what its output says, all of which is in ${logFile}`,
        { cause: new CommandError(result) },
      )
    }
    const id = (await readFile(idFile, 'utf8')).trim()
    return { source, reference, id, layers: await layersOf(dockerHost, id, { observe, instead }), dockerHost }
  } finally {
    log.end()
    await finished(log)
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The docker program for the controller's engine. */
export function dockerCommand(dockerHost: string | undefined, ...args: readonly string[]): string[] {
  return ['docker', ...(dockerHost === undefined ? [] : ['--host', dockerHost]), ...args]
}

async function requireEngine(
  dockerHost: string | undefined,
  options: Pick<LocalCommandOptions, 'signal' | 'observe' | 'instead'>,
): Promise<void> {
  const argv = dockerCommand(dockerHost, 'version', '--format', '{{.Server.Version}}')
  const result = await tryDocker(argv, { ...options, timeoutMs: 20_000 })
  if (result.exitCode === 0) return
  throw new DeployError(
    `the controller's Docker engine (${dockerHost ?? process.env['DOCKER_HOST'] ?? 'the default one'}) does not answer; ` +
      'start it, or name another by "docker_host" in the config or by DOCKER_HOST',
    { cause: new CommandError(result) },
  )
}

async function layersOf(
  dockerHost: string | undefined,
  id: string,
  options: Pick<LocalCommandOptions, 'observe' | 'instead'>,
): Promise<string[]> {
  const argv = dockerCommand(dockerHost, 'image', 'inspect', '--format', '{{json .RootFS.Layers}}', id)
  const result = await tryDocker(argv, options)
  if (result.exitCode !== 0) throw new CommandError(result)
  return toolJson(z.array(z.string()), result.stdout, 'docker image inspect')
}

/** @throws DeployError when there is no docker program */
export async function tryDocker(
  argv: readonly string[],
  options: LocalCommandOptions,
): Promise<CommandResult> {
  try {
    return await tryLocally(argv, options)
  } catch (error) {
    throw new DeployError(
      `the docker program cannot be started on the controller: ${describeError(error)}; install it (docker.io, docker-cli)`,
      { cause: error },
    )
  }
}
