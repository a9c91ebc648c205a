/**
 * The working config, `<cwd>/.dpbench/<environment>/working.json`: the source with what provisioning found out about
 * each VM. Only that is taken from it when a config is loaded, so that edits of the source take effect.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { ConfigError, describeError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { formatFault, schemaFaults } from './faults.ts'
import * as field from './fields.ts'
import { expandPath, isHostKey, type FileScope } from './key-files.ts'
import type { ConfigFile, VmFile } from './schema.ts'

/** What provisioning writes per VM. */
export interface ProvisionedVm {
  readonly host_address: string
  readonly mac_address: string
  readonly host_key: string
}

/** By `<hypervisor>/<vm>`. */
export type ProvisionedVms = ReadonlyMap<string, ProvisionedVm>

export const provisionedKey = (hypervisor: string, vm: string): string => `${hypervisor}/${vm}`

/** Where an environment's journal, working config and rendered files lie. */
export function environmentFolder(cwd: string, name: string): string {
  return path.join(cwd, '.dpbench', name)
}

export function workingConfigFile(cwd: string, name: string): string {
  return path.join(environmentFolder(cwd, name), 'working.json')
}

/**
 * The source with the three fields of each provisioned VM. A VM that says its `host_address` itself needs no
 * provisioning and is left as it is.
 */
export function mergeProvisioned(source: ConfigFile, provisioned: ProvisionedVms): ConfigFile {
  const merge = (hypervisor: string, vm: VmFile): VmFile => {
    const found = provisioned.get(provisionedKey(hypervisor, vm.machine_name))
    return found && vm.host_address === undefined ? { ...vm, ...found } : vm
  }
  return {
    ...source,
    hypervisors: source.hypervisors.map((one) => ({
      ...one,
      vms: one.vms.map((vm) => merge(one.machine_name, vm)),
    })),
  }
}

/** The file's paths made absolute, so that the working config means the same from its own folder. */
export function withAbsolutePaths(source: ConfigFile, scope: FileScope): ConfigFile {
  const file = { ...source }
  delete file.$schema
  if (source.key_file !== undefined) file.key_file = expandPath(source.key_file, scope)
  file.public_key_file = expandPath(source.public_key_file, scope)
  const hashFile = source.libvirt?.console_password?.hash_file
  if (hashFile !== undefined) {
    file.libvirt = { ...source.libvirt, console_password: { hash_file: expandPath(hashFile, scope) } }
  }
  file.hypervisors = source.hypervisors.map((one) =>
    one.host_key === undefined || isHostKey(one.host_key)
      ? one
      : { ...one, host_key: expandPath(one.host_key, scope) },
  )
  return file
}

/** Writes the working config whole or not at all: a reader never sees half of it. */
export async function writeWorkingConfig(file: string, config: ConfigFile): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const partial = `${file}.partial`
  await rm(partial, { force: true }) // of a run that was killed, or somebody's link to elsewhere
  const handle = await open(partial, 'wx', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(config, null, 2)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(partial, file)
}

/** Removes the working config; no fault when there is none. */
export async function removeWorkingConfig(file: string): Promise<void> {
  await rm(file, { force: true })
}

const provisionedFile = z.looseObject({
  hypervisors: z.array(
    z.looseObject({
      machine_name: z.string(),
      vms: z.array(
        z.looseObject({
          machine_name: z.string(),
          host_address: field.hostAddress().optional(),
          mac_address: field.macAddress().optional(),
          host_key: field.hostKey().optional(),
        }),
      ),
    }),
  ),
})

/**
 * What an earlier provisioning found out. Empty when there was none.
 * @throws ConfigError when the file cannot be read or is damaged
 */
export async function readProvisioned(file: string): Promise<ProvisionedVms> {
  const found = new Map<string, ProvisionedVm>()
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw damaged(file, [error.message], error)
  })
  if (text === undefined) return found
  let config: unknown
  try {
    config = parseJson(text)
  } catch (error) {
    throw damaged(file, [describeError(error)], error)
  }
  const faults = schemaFaults(provisionedFile, config)
  if (faults.length > 0) throw damaged(file, faults.map(formatFault))
  for (const hypervisor of provisionedFile.parse(config).hypervisors) {
    for (const { machine_name, host_address, mac_address, host_key } of hypervisor.vms) {
      if (host_address === undefined || mac_address === undefined || host_key === undefined) continue
      found.set(provisionedKey(hypervisor.machine_name, machine_name), {
        host_address,
        mac_address,
        host_key,
      })
    }
  }
  return found
}

function damaged(file: string, faults: readonly string[], cause?: unknown): ConfigError {
  return new ConfigError(
    `${file}, which provisioning wrote, cannot be read: provision again, or remove it.`,
    faults,
    { cause },
  )
}
