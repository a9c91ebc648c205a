/**
 * The working config, `<cwd>/.dpbench/<environment>/working.json`: the source with what provisioning found out about
 * each VM. Only that is taken from it when a config is loaded, so that edits of the source take effect.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
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

/** What an earlier provisioning found out. Empty when there was none. A damaged file is told by the thrown error. */
export async function readProvisioned(file: string): Promise<ProvisionedVms> {
  const found = new Map<string, ProvisionedVm>()
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return found
  const config = JSON.parse(text) as Partial<ConfigFile>
  for (const hypervisor of config.hypervisors ?? []) {
    for (const vm of hypervisor.vms ?? []) {
      const { host_address, mac_address, host_key } = vm
      if (host_address === undefined || mac_address === undefined || host_key === undefined) continue
      found.set(provisionedKey(hypervisor.machine_name, vm.machine_name), {
        host_address,
        mac_address,
        host_key,
      })
    }
  }
  return found
}
