/** Which host key a machine may present: one pinned in the config, or one that known_hosts holds. Never one seen first. */
import { timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ConnectionError, HostKeyError } from '../../core/errors.ts'
import { type KnownHost, knownHosts, knownHostsName } from './known-hosts.ts'
import { type KeyLine, fingerprintOf, parseKeyLine, typeOf } from './public-key.ts'

export { fingerprintOf } from './public-key.ts'

export interface PinnedHostKey {
  /** The fingerprints that are accepted, in OpenSSH's form: `SHA256:…` without padding. */
  readonly fingerprints: readonly string[]
  /** Key types that the pin allows; empty when only a fingerprint is known. */
  readonly types: readonly string[]
  /** Where the pin comes from, for messages. */
  readonly origin: string
  /** What to do when the machine was reinstalled. */
  readonly update: string
  /** Keys that known_hosts calls stolen, with their line: refused also where the config pins them. */
  readonly revoked: readonly { readonly fingerprint: string; readonly at: string }[]
}

interface Host {
  readonly name: string
  readonly address: string
  readonly port: number
}

/** Whether `key` is one of those pinned, and not revoked. */
export function isPinned(key: Buffer, pinned: PinnedHostKey): boolean {
  const presented = Buffer.from(fingerprintOf(key))
  const same = (fingerprint: string): boolean => {
    const expected = Buffer.from(fingerprint)
    return expected.length === presented.length && timingSafeEqual(expected, presented)
  }
  return pinned.fingerprints.some(same) && !pinned.revoked.some(({ fingerprint }) => same(fingerprint))
}

/** Why `key` is refused: both fingerprints, and what to do. */
export function hostKeyRefusal(
  { name, address, port }: Host,
  key: Buffer,
  pinned: PinnedHostKey,
): HostKeyError {
  const presented = fingerprintOf(key)
  const stolen = pinned.revoked.find(({ fingerprint }) => fingerprint === presented)
  if (stolen) {
    return new HostKeyError(
      `${name}: the host key of ${address}:${port} (${typeOf(key)} ${presented}) is revoked by ${stolen.at}; ` +
        'nothing was sent. Make the machine a new host key (ssh-keygen -A after removing the old one) and pin that',
    )
  }
  return new HostKeyError(
    `${name}: the host key of ${address}:${port} (${typeOf(key)}) is not the pinned one: ` +
      `presented ${presented}, expected ${pinned.fingerprints.join(' or ')} (${pinned.origin}). ` +
      `If the machine was reinstalled, compare the presented one on its console (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub) ` +
      `and ${pinned.update}; if not, somebody may be in between`,
  )
}

/**
 * Resolves a host's pin: `hostKey` from the config (a `SHA256:` fingerprint, a public key line, or a file with
 * one), else what known_hosts says of the address.
 * @throws ConnectionError when nothing pins the host: an unknown host is never trusted on first use.
 */
export async function resolveHostKey(
  host: Host,
  hostKey: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<PinnedHostKey> {
  const known = await knownHosts(host.address, host.port, env)
  const revoked = known
    .filter(({ marker }) => marker === 'revoked')
    .map(({ blob, at }) => ({ fingerprint: fingerprintOf(blob), at }))
  const pin = hostKey === undefined ? fromKnownHosts(host, known) : await parseHostKey(hostKey)
  return { ...pin, revoked }
}

type Pin = Omit<PinnedHostKey, 'revoked'>

function fromKnownHosts(host: Host, known: readonly KnownHost[]): Pin {
  const name = knownHostsName(host.address, host.port)
  const keys = known.filter(({ marker }) => marker === undefined)
  if (keys.length > 0) {
    return {
      ...merge(keys, `known_hosts: ${keys.map(({ at }) => at).join(', ')}`),
      update: `type ssh-keygen -R '${name}', then write the new key into known_hosts or into the config as "host_key"`,
    }
  }
  const authority = known.find(({ marker }) => marker === 'cert-authority')
  const instead =
    `write its own key into the config as "host_key" (\`ssh-keyscan -p ${host.port} ${host.address}\` shows it, ` +
    'compare it on the machine itself)'
  if (authority) {
    throw new ConnectionError(
      `${host.name}: ${authority.at} names a certificate authority for ${name}, and host certificates are not ` +
        `verified here: ${instead}`,
    )
  }
  throw new ConnectionError(
    `${host.name}: no host key is known for ${name}; ${instead} or connect once by hand so that known_hosts has it`,
  )
}

const inConfig = 'update "host_key" (of a VM: provision it again)'

async function parseHostKey(hostKey: string): Promise<Pin> {
  if (hostKey.startsWith('SHA256:')) {
    return { fingerprints: [hostKey.replace(/=+$/, '')], types: [], origin: 'config', update: inConfig }
  }
  const inline = parseKeyLine(hostKey)
  if (inline) return { ...merge([inline], 'config'), update: inConfig }
  const text = await readFile(hostKey, 'utf8').catch((error: unknown) => {
    throw new ConnectionError(
      `host_key ${hostKey} is neither a key, a SHA256: fingerprint nor a readable file`,
      { cause: error },
    )
  })
  const keys = text.split('\n').map((line) => parseKeyLine(line.trim()))
  const found = keys.filter((key) => key !== undefined)
  if (found.length === 0) throw new ConnectionError(`host_key file ${hostKey} holds no public key`)
  return { ...merge(found, hostKey), update: `write the new key into ${hostKey}` }
}

function merge(keys: readonly KeyLine[], origin: string): Omit<Pin, 'update'> {
  return {
    fingerprints: [...new Set(keys.map((key) => fingerprintOf(key.blob)))],
    types: [...new Set(keys.map((key) => key.type))],
    origin,
  }
}
