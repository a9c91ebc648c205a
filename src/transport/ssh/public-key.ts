/** Public keys as OpenSSH writes them: a type and a blob in base64. */
import { createHash } from 'node:crypto'

export interface KeyLine {
  /** `ssh-ed25519` */
  readonly type: string
  readonly blob: Buffer
}

/** The fingerprint of a public key blob as OpenSSH prints it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

/** The key of a public key file's or known_hosts line; undefined where it holds none. */
export function parseKeyLine(line: string): KeyLine | undefined {
  const match = /(?:^|\s)((?:ssh|ecdsa|sk)-[a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(line)
  return match ? { type: match[1]!, blob: Buffer.from(match[2]!, 'base64') } : undefined
}

/** The type that a blob says it is of: its first string (RFC 4253, 6.6). */
export function typeOf(blob: Buffer): string {
  const length = blob.length >= 4 ? blob.readUInt32BE(0) : 0
  return length > 0 && length <= 64 && blob.length >= 4 + length
    ? blob.toString('latin1', 4, 4 + length).replaceAll(/[^\w@.-]/g, '?')
    : 'unknown'
}
