/** Which host key a machine may present: one pinned in the config, or one that the user's known_hosts holds. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { tryLocally } from '../../core/local-command.ts'
import { ConnectionError } from '../../core/errors.ts'

export interface PinnedHostKey {
  /** The fingerprints that are accepted, in OpenSSH's form: `SHA256:…` without padding. */
  readonly fingerprints: readonly string[]
  /** Key types that the pin allows; empty when only a fingerprint is known. */
  readonly types: readonly string[]
  /** Where the pin comes from, for messages. */
  readonly origin: string
}

/** The fingerprint of a public key blob as OpenSSH prints it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

/** Whether `key` is one of those pinned. */
export function isPinned(key: Buffer, pinned: PinnedHostKey): boolean {
  const presented = Buffer.from(fingerprintOf(key))
  return pinned.fingerprints.some((fingerprint) => {
    const expected = Buffer.from(fingerprint)
    return expected.length === presented.length && timingSafeEqual(expected, presented)
  })
}

/**
 * Resolves a host's pin: `hostKey` from the config (a `SHA256:` fingerprint, a public key line, or a file with
 * one), else what known_hosts says of the address.
 * @throws ConnectionError when nothing pins the host: an unknown host is never trusted on first use.
 */
export async function resolveHostKey(
  host: { readonly name: string; readonly address: string; readonly port: number },
  hostKey: string | undefined,
): Promise<PinnedHostKey> {
  if (hostKey !== undefined) return parseHostKey(hostKey)
  const name = host.port === 22 ? host.address : `[${host.address}]:${host.port}`
  const known = await tryLocally(['ssh-keygen', '-F', name], { timeoutMs: 10_000 })
  const keys = known.stdout
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => line.split(/\s+/).slice(1, 3).join(' '))
  if (keys.length === 0) {
    throw new ConnectionError(
      `${host.name}: no host key is known for ${name}; write it into the config as "host_key" ` +
        `(\`ssh-keyscan -p ${host.port} ${host.address}\` shows it, compare it on the machine itself) ` +
        `or connect once by hand so that known_hosts has it`,
    )
  }
  return merge(keys.map((key) => parseKeyLine(key)!).filter(Boolean), `known_hosts (${name})`)
}

async function parseHostKey(hostKey: string): Promise<PinnedHostKey> {
  if (hostKey.startsWith('SHA256:')) {
    return { fingerprints: [hostKey.replace(/=+$/, '')], types: [], origin: 'config' }
  }
  const inline = parseKeyLine(hostKey)
  if (inline) return merge([inline], 'config')
  const text = await readFile(hostKey, 'utf8').catch((error: unknown) => {
    throw new ConnectionError(
      `host_key ${hostKey} is neither a key, a SHA256: fingerprint nor a readable file`,
      {
        cause: error,
      },
    )
  })
  const keys = text.split('\n').map((line) => parseKeyLine(line.trim()))
  const found = keys.filter((key) => key !== undefined)
  if (found.length === 0) throw new ConnectionError(`host_key file ${hostKey} holds no public key`)
  return merge(found, hostKey)
}

interface KeyLine {
  readonly type: string
  readonly blob: Buffer
}

function parseKeyLine(line: string): KeyLine | undefined {
  const match = /(?:^|\s)((?:ssh|ecdsa|sk)-[a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(line)
  return match ? { type: match[1]!, blob: Buffer.from(match[2]!, 'base64') } : undefined
}

function merge(keys: readonly KeyLine[], origin: string): PinnedHostKey {
  return {
    fingerprints: keys.map((key) => fingerprintOf(key.blob)),
    types: [...new Set(keys.map((key) => key.type))],
    origin,
  }
}
