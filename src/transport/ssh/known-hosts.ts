/** What known_hosts files say of a host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): its keys, keys that are revoked, authorities. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ConnectionError } from '../../core/errors.ts'
import { type KeyLine, parseKeyLine } from './public-key.ts'

export interface KnownHost extends KeyLine {
  /** `known_hosts:12` */
  readonly at: string
  readonly marker?: 'revoked' | 'cert-authority' | undefined
}

/** Those that OpenSSH's client reads when its configuration says nothing else (ssh_config(5)). */
export function knownHostsFiles(env: NodeJS.ProcessEnv): string[] {
  const own = join(env['HOME'] || homedir(), '.ssh')
  return [own, '/etc/ssh'].flatMap((folder, index) =>
    ['known_hosts', 'known_hosts2'].map((name) => join(folder, index === 0 ? name : `ssh_${name}`)),
  )
}

/** As known_hosts writes a host: the port is named where it is not 22. */
export function knownHostsName(address: string, port: number): string {
  return port === 22 ? address.toLowerCase() : `[${address.toLowerCase()}]:${port}`
}

/**
 * The lines of all files for `address`:`port`. Where none names the port, those of the bare address count, as for ssh.
 * @throws ConnectionError for a file that is there and cannot be read: it may revoke a key
 */
export async function knownHosts(
  address: string,
  port: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<KnownHost[]> {
  const files = await Promise.all(knownHostsFiles(env).map(readOrNothing))
  const linesFor = (name: string): KnownHost[] =>
    files.flatMap(({ file, text }) => knownHostLines(text, file, name))
  const named = linesFor(knownHostsName(address, port))
  if (port === 22 || named.some(({ marker }) => marker === undefined)) return named
  return [...named, ...linesFor(knownHostsName(address, 22))]
}

/** The lines of one file that are about `name`. What is no line of known_hosts is passed over, as ssh does. */
export function knownHostLines(text: string, file: string, name: string): KnownHost[] {
  return text.split('\n').flatMap((line, index) => {
    const fields = line.trim().split(/\s+/)
    const marker = /^@(revoked|cert-authority)$/.exec(fields[0] ?? '')?.[1] as KnownHost['marker']
    const [hosts = '', ...key] = marker ? fields.slice(1) : fields
    if (hosts === '' || hosts.startsWith('#') || hosts.startsWith('@') || !isAbout(hosts, name)) return []
    const parsed = parseKeyLine(key.slice(0, 2).join(' '))
    return parsed ? [{ ...parsed, at: `${file}:${index + 1}`, marker }] : []
  })
}

/** One hashed name, or a list of patterns; a `!` pattern that fits takes the line out. */
function isAbout(hosts: string, name: string): boolean {
  if (hosts.startsWith('|')) return isHashOf(hosts, name)
  const patterns = hosts.toLowerCase().split(',')
  const fits = (pattern: string): boolean => patternOf(pattern).test(name)
  if (patterns.some((each) => each.startsWith('!') && fits(each.slice(1)))) return false
  return patterns.some((each) => !each.startsWith('!') && fits(each))
}

/** `|1|salt|HMAC-SHA1 of the name|`, both in base64: what `HashKnownHosts yes` writes. */
function isHashOf(hashed: string, name: string): boolean {
  const [, version, salt = '', hash = ''] = hashed.split('|')
  if (version !== '1') return false
  const own = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest()
  const theirs = Buffer.from(hash, 'base64')
  return own.length === theirs.length && timingSafeEqual(own, theirs)
}

/** `*` and `?` alone are special: a `[` is part of `[host]:port`. Many stars together are one, or matching takes for ever. */
function patternOf(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/\*+/g, '*')
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`)
}

async function readOrNothing(file: string): Promise<{ file: string; text: string }> {
  try {
    return { file, text: await readFile(file, 'utf8') }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return { file, text: '' }
    throw new ConnectionError(
      `${file} cannot be read (${code}), so which host keys are known is not known; make it readable`,
      { cause: error },
    )
  }
}
