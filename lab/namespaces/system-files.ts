/** What every host of a lab has of its own below /etc, laid into the upper layer before the overlay is mounted. */
import { createHash } from 'node:crypto'
import { chmod, chown, lstat, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Top-level folders that a host gets as overlays, where the machine has them as folders of their own. */
const systemFolders = ['/etc', '/var', '/usr', '/opt', '/srv', '/home']

/** Those of them that are here; `/usr` may be a file system of its own, and `/home` may be missing. */
export async function overlayFolders(): Promise<string[]> {
  const present = await Promise.all(
    systemFolders.map(async (folder) => {
      const found = await lstat(folder).catch(() => undefined)
      return found?.isDirectory() ? [folder] : []
    }),
  )
  return present.flat()
}

export interface HostIdentity {
  readonly lab: string
  readonly name: string
  readonly folder: string
}

/** Puts a file into the host's upper layer, so that the host finds it at the absolute path `file`. */
export async function layFile(folder: string, file: string, content: string, mode = 0o644): Promise<void> {
  const path = join(folder, 'upper', file)
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await writeFile(path, content, { mode })
  await chmod(path, mode)
}

/** Host name, hosts file, machine id, resolver and a root account that a key may log in to. */
export async function laySystemFiles({ lab, name, folder }: HostIdentity): Promise<void> {
  for (const system of await overlayFolders()) await layUpperFolder(folder, system)
  const machineId = createHash('md5').update(`${lab}\n${name}`).digest('hex')
  await layFile(folder, '/etc/hostname', `${name}\n`)
  await layFile(folder, '/etc/hosts', hosts(name))
  await layFile(folder, '/etc/machine-id', `${machineId}\n`, 0o444)
  // On many machines this is a link into /run, which a host has of its own.
  await layFile(folder, '/etc/resolv.conf', await readFile('/etc/resolv.conf', 'utf8').catch(() => ''))
  await layFile(folder, '/etc/shadow', unlockRoot(await readFile('/etc/shadow', 'utf8')), 0o640)
}

/** The upper layer's folder decides the mode and owner that the merged one shows. */
async function layUpperFolder(folder: string, system: string): Promise<void> {
  const upper = join(folder, 'upper', system)
  const { mode, uid, gid } = await stat(system)
  await mkdir(upper, { recursive: true })
  await chmod(upper, mode & 0o7777)
  await chown(upper, uid, gid)
}

function hosts(name: string): string {
  return `127.0.0.1\tlocalhost\n127.0.1.1\t${name}\n::1\tlocalhost ip6-localhost ip6-loopback\n`
}

/** sshd without PAM refuses an account whose password field starts with `!`, even for a key. No password is set. */
export function unlockRoot(shadow: string): string {
  return shadow.replace(/^root:![^:]*:/m, 'root:*:')
}
