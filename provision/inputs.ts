/** What a run of provisioning is made from: options, config, files. All faults of usage are found here. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { normalize } from '../src/config/normalize.ts'
import { loadSource, type ConfigSource, type LoadConfigOptions } from '../src/config/load.ts'
import { publicKeyOf } from '../src/config/key-files.ts'
import type { BenchConfig } from '../src/config/types.ts'
import { UsageError } from '../src/core/errors.ts'
import { loadTemplate, type Template } from './templates.ts'

/** The options of `npm run provision`; names as on the command line. */
export interface ProvisionOptions {
  readonly diskTemplate?: string | undefined
  readonly ignitionTemplateName?: string | undefined
  readonly xmlTemplateName?: string | undefined
  readonly envConfigFile?: string | undefined
  readonly envConfigName?: string | undefined
  readonly dryRun?: boolean | undefined
  readonly cleanUp?: boolean | undefined
  readonly verbose?: boolean | undefined
  /** Default: the process's. */
  readonly cwd?: string | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Where running labs keep their configs; for tests. */
  readonly labFolder?: string | undefined
}

/** Which config the options mean. */
export function configChoice(options: ProvisionOptions): LoadConfigOptions {
  const { envConfigFile: file, envConfigName: name, cwd, env, labFolder } = options
  return { file, name, cwd, env, labFolder }
}

export interface ProvisionInputs {
  readonly source: ConfigSource
  readonly config: BenchConfig
  /** Absolute. */
  readonly diskTemplate: string
  readonly domainTemplate: Template
  readonly ignitionTemplate: Template
  readonly authorizedKeys: readonly string[]
  readonly consolePasswordHash: string | null
}

/** @throws ConfigError, UsageError */
export async function readInputs(options: ProvisionOptions): Promise<ProvisionInputs> {
  const cwd = options.cwd ?? process.cwd()
  const env = options.env ?? process.env
  const source = await loadSource(configChoice(options))
  const config = await normalize(source.config, source.name, source.file, source.scope)
  const there = config.hypervisors
    .flatMap(({ vms }) => vms.filter(({ address }) => address !== undefined))
    .map(({ name }) => name)
  if (there.length > 0) {
    throw new UsageError(
      `${source.file} says where ${there.join(', ')} can be reached (host_address), so there is nothing to provision. Take host_address, mac_address and host_key out to have the VMs made.`,
    )
  }
  if (!config.hypervisors.some(({ vms }) => vms.length > 0))
    throw new UsageError(`${source.file} has no VMs, so there is nothing to provision.`)
  if (options.diskTemplate === undefined || options.diskTemplate === '') {
    throw new UsageError(
      'Which disk image? Name it with --disk-template IMAGE; npx dpbench lab image makes one for the lab.',
    )
  }
  const folder = path.dirname(source.file)
  return {
    source,
    config,
    diskTemplate: path.resolve(cwd, options.diskTemplate),
    domainTemplate: await loadTemplate(
      options.xmlTemplateName,
      'vm_tmpl.xml.njk',
      folder,
      '--xml-template-name',
    ),
    ignitionTemplate: await loadTemplate(
      options.ignitionTemplateName,
      'provision_tmpl.ign.njk',
      folder,
      '--ignition-template-name',
    ),
    authorizedKeys: publicKeysIn(await readFile(config.publicKeyFile, 'utf8')),
    consolePasswordHash: await consolePasswordHash(config, env),
  }
}

function publicKeysIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => publicKeyOf(line) !== undefined)
}

async function consolePasswordHash(config: BenchConfig, env: NodeJS.ProcessEnv): Promise<string | null> {
  const password = config.libvirt.consolePassword
  if (!password) return null
  const [where, text] =
    'hashFile' in password
      ? [password.hashFile, await readFile(password.hashFile, 'utf8').catch(() => '')]
      : [`the variable ${password.hashVariable}`, env[password.hashVariable] ?? '']
  // the value itself is never shown
  if (!/^[$*!_./0-9A-Za-z,=-]{13,}$/.test(text.trim())) {
    throw new UsageError(
      `libvirt.console_password: ${where} holds no crypt(5) hash; openssl passwd -6 makes one.`,
    )
  }
  return text.trim()
}
