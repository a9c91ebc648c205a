/** Finds a config file, checks all of it at once, and loads it. */
import { readFile, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { ConfigError } from '../core/errors.ts'
import { chooseConfig, isObject } from './choose.ts'
import { crossChecks } from './cross-checks.ts'
import { formatFault, schemaFaults, type Fault } from './faults.ts'
import { parseJsonText } from './json-text.ts'
import { fileFaults, type FileScope } from './key-files.ts'
import { normalize } from './normalize.ts'
import { type ConfigFile, configSchema } from './schema.ts'
import type { BenchConfig } from './types.ts'
import { mergeProvisioned, readProvisioned, workingConfigFile } from './working-config.ts'

export interface LoadConfigOptions {
  /** `--env-config-file`, from `cwd` where it is not absolute. */
  readonly file?: string | undefined
  /** `--env-config-name`, for a file that holds several configs. */
  readonly name?: string | undefined
  readonly cwd?: string | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Where running labs keep their configs; for tests. */
  readonly labFolder?: string | undefined
}

export const defaultConfigFile = 'config/test_configurations.json'
const defaultLabFolder = '/var/lib/dpbench/lab'

/**
 * Loads the config that the options mean: the named file; else `config/test_configurations.json`; else the config of the
 * one running lab. What provisioning found out is merged in.
 * @throws ConfigError with every fault of the file, or saying what to type when there is no file.
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<BenchConfig> {
  const source = await loadSource(options)
  const provisioned = await readProvisioned(workingConfigFile(options.cwd ?? process.cwd(), source.name))
  return normalize(mergeProvisioned(source.config, provisioned), source.name, source.file, source.scope)
}

/** A config as its file has it, checked, before provisioning's findings are merged in. */
export interface ConfigSource {
  readonly name: string
  readonly file: string
  /** Where the config is in the file. */
  readonly path: readonly PropertyKey[]
  /** Its name there, in a file that holds several. */
  readonly named?: string | undefined
  readonly config: ConfigFile
  readonly scope: FileScope
}

/** @throws ConfigError as {@link loadConfig}. */
export async function loadSource(options: LoadConfigOptions = {}): Promise<ConfigSource> {
  const file = await findConfigFile(options)
  const scope = { folder: path.dirname(file), env: options.env ?? process.env }
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(
      error.code === 'ENOENT'
        ? `There is no config file ${file}: check --env-config-file.`
        : `The config file ${file} cannot be read: ${error.message}`,
      [],
      { cause: error },
    )
  })
  const chosen = chooseConfig(parseJsonText(text, file), options.name, file)
  const faults: Fault[] = [
    ...schemaFaults(configSchema, chosen.value),
    ...crossChecks(chosen.value),
    ...(await fileFaults(asConfig(chosen.value), scope)),
  ]
  if (faults.length > 0) {
    const sentences = faults.map((fault) => formatFault({ ...fault, path: [...chosen.path, ...fault.path] }))
    const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`
    throw new ConfigError(`${file} has ${count}:`, [...new Set(sentences)])
  }
  const base = path.basename(file, path.extname(file))
  // every lab's file is a config.json, every environment's a working.json: the folder tells them apart
  const own = base === 'config' || base === 'working' ? path.basename(path.dirname(file)) : base
  const name =
    [own, ...(chosen.name === undefined ? [] : [chosen.name])]
      .join('.')
      .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
      .replace(/^[.-]+/, '') || 'config'
  return {
    name,
    file,
    path: chosen.path,
    named: chosen.name,
    config: configSchema.parse(chosen.value),
    scope,
  }
}

/** Where the config is. @throws ConfigError when there is none, or several labs run. */
export async function findConfigFile(options: LoadConfigOptions): Promise<string> {
  const cwd = options.cwd ?? process.cwd()
  if (options.file !== undefined) return path.resolve(cwd, options.file)
  const usual = path.join(cwd, defaultConfigFile)
  if (await isFile(usual)) return usual
  const folder = options.labFolder ?? defaultLabFolder
  const labs: string[] = []
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    const file = path.join(folder, name, 'config.json')
    if (await isFile(file)) labs.push(file)
  }
  const [only, ...others] = labs
  if (only !== undefined && others.length === 0) return only
  if (only !== undefined) {
    throw new ConfigError(
      'Several labs are running: say which one with --env-config-file.',
      labs.map((file) => `--env-config-file ${file}`),
    )
  }
  throw new ConfigError('There is no config.', [
    `for a lab on this machine type: npx dpbench lab up`,
    `for your servers copy config/examples/two-servers.json to ${defaultConfigFile} and edit it`,
    'or name a file with --env-config-file FILE',
  ])
}

function asConfig(value: unknown): Partial<ConfigFile> {
  return isObject(value) ? (value as Partial<ConfigFile>) : {}
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  )
}
