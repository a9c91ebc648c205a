/** Where a lab keeps its things: state is machine-global, what is slow to build lies in the user's cache. */
import { homedir } from 'node:os'
import { join } from 'node:path'

/** One folder per lab. Root owns it; nothing else of the machine's file system is written by a lab. */
export const labsFolder = '/var/lib/dpbench/lab'

/** `$XDG_CACHE_HOME/dpbench`, or `~/.cache/dpbench`. Survives `lab down`, not `lab down --purge`. */
export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'dpbench')
}

export interface LabPaths {
  readonly folder: string
  readonly stateFile: string
  readonly configFile: string
  /** The key pair that opens every machine of this lab. */
  readonly keyFile: string
  readonly publicKeyFile: string
  /** A hypervisor's own folder, or the controller's. */
  readonly host: (host: string) => string
  readonly guest: (host: string, guest: string) => string
}

export function labPaths(name: string): LabPaths {
  const folder = join(labsFolder, name)
  return {
    folder,
    stateFile: join(folder, 'state.json'),
    configFile: join(folder, 'config.json'),
    keyFile: join(folder, 'id_ed25519'),
    publicKeyFile: join(folder, 'id_ed25519.pub'),
    host: (host) => join(folder, host),
    guest: (host, guest) => join(folder, host, 'guests', guest),
  }
}
