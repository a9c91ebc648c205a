/** What the isolation of every host has in common. */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Folders that every host has for itself, by the place it sees them at. */
export const commonBinds = {
  '/run': 'run',
  '/tmp': 'tmp',
  '/var/tmp': 'var-tmp',
  '/var/log/dpbench': 'log',
  // The state of this and of all other labs, with their private keys.
  '/var/lib/dpbench': 'empty',
} as const

/** Makes the host's folder with those whose modes matter. */
export async function makeHostFolders(folder: string): Promise<void> {
  await mkdir(join(folder, 'run', 'dpbench'), { recursive: true, mode: 0o755 })
  for (const everybodys of ['tmp', 'var-tmp']) {
    await mkdir(join(folder, everybodys), { recursive: true })
    await chmod(join(folder, everybodys), 0o1777)
  }
}
