/** The files that a config names: SSH keys and host keys. */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import type { Fault } from './faults.ts'
import type { ConfigFile } from './schema.ts'

export interface FileScope {
  /** The folder of the config file: paths that are not absolute start here. */
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
}

/** `~/x` in the user's home, anything else from the config's folder. */
export function expandPath(text: string, { folder, env }: FileScope): string {
  const home = env.HOME ?? homedir()
  if (text === '~' || text.startsWith('~/')) return path.join(home, text.slice(1))
  return path.resolve(folder, text)
}

const keyLine =
  /(?:^|\s)((?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-[\w.@-]+) [A-Za-z0-9+/]+={0,2})(?:\s|$)/m

/** `ssh-ed25519 AAAA…` of a key or a public key file's text, without its comment; `undefined` when there is none. */
export function publicKeyOf(text: string): string | undefined {
  return keyLine.exec(text)?.[1]
}

/** Whether the text is a key or fingerprint itself, not the path of a file with one. */
export function isHostKey(text: string): boolean {
  return text.trim().startsWith('SHA256:') || publicKeyOf(text.trim()) !== undefined
}

/** A host key as `ssh-… AAAA…` or `SHA256:…`; a path is read. */
export async function resolveHostKey(text: string, scope: FileScope): Promise<string | undefined> {
  const trimmed = text.trim()
  if (/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(trimmed)) return trimmed.replace(/=$/, '')
  const key = publicKeyOf(trimmed)
  if (key) return key
  const content = await readFile(expandPath(trimmed, scope), 'utf8').catch(() => undefined)
  return content === undefined ? undefined : publicKeyOf(content)
}

/** Faults of the files that a config names. */
export async function fileFaults(file: Partial<ConfigFile>, scope: FileScope): Promise<Fault[]> {
  const checks: Promise<Fault | undefined>[] = [
    keyFault(file.key_file, ['key_file'], scope, (text) =>
      text.includes('PRIVATE KEY')
        ? undefined
        : 'is not a private key; write the path of the private key, without .pub',
    ),
    keyFault(file.public_key_file, ['public_key_file'], scope, (text) =>
      publicKeyOf(text) ? undefined : 'is not an OpenSSH public key; write the path of the .pub file',
    ),
  ]
  const machines = Array.isArray(file.hypervisors) ? file.hypervisors : []
  for (const [index, hypervisor] of machines.entries()) {
    checks.push(hostKeyFault(hypervisor?.host_key, ['hypervisors', index, 'host_key'], scope))
    const vms = Array.isArray(hypervisor?.vms) ? hypervisor.vms : []
    for (const [vm, value] of vms.entries()) {
      checks.push(hostKeyFault(value?.host_key, ['hypervisors', index, 'vms', vm, 'host_key'], scope))
    }
  }
  return (await Promise.all(checks)).filter((fault) => fault !== undefined)
}

async function keyFault(
  named: unknown,
  at: PropertyKey[],
  scope: FileScope,
  judge: (text: string) => string | undefined,
): Promise<Fault | undefined> {
  if (typeof named !== 'string' || named.trim() === '') return undefined
  const file = expandPath(named, scope)
  try {
    const sentence = judge(await readFile(file, 'utf8'))
    return sentence === undefined ? undefined : { path: at, sentence: `(${file}) ${sentence}` }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    return {
      path: at,
      sentence: `names ${file}, which ${reason}; make it with ssh-keygen -t ed25519, or write the path of your key`,
    }
  }
}

async function hostKeyFault(value: unknown, at: PropertyKey[], scope: FileScope): Promise<Fault | undefined> {
  if (typeof value !== 'string' || value.trim() === '' || (await resolveHostKey(value, scope)))
    return undefined
  return {
    path: at,
    sentence: `is neither a host key nor a file with one; write "ssh-ed25519 AAAA…" as in /etc/ssh/ssh_host_ed25519_key.pub, "SHA256:…" as ssh-keygen -lf shows it, or the path of such a .pub file`,
  }
}
