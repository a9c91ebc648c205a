/** Reads a private key file in each form that ssh-keygen and openssl write; the passphrase is asked for by the caller. */
import { type KeyObject, createPrivateKey } from 'node:crypto'
import ssh2, { type ParsedKey } from 'ssh2'
import { typeOf } from './public-key.ts'

export type PrivateKeyFile =
  | { readonly kind: 'private'; readonly key: ParsedKey }
  /** `publicBlob`: its public half, where the file has that in clear. */
  | { readonly kind: 'encrypted'; readonly publicBlob?: Buffer | undefined }
  | { readonly kind: 'public'; readonly key: ParsedKey }
  | { readonly kind: 'unusable'; readonly why: string }

/** Without a passphrase an encrypted key is told as such; with one that does not fit, as unusable. */
export function readKeyFile(text: Buffer, passphrase?: string): PrivateKeyFile {
  const armour = /-----BEGIN ([A-Z ]+)-----/.exec(text.toString('latin1'))?.[1]
  if (armour === 'PRIVATE KEY' || armour === 'ENCRYPTED PRIVATE KEY')
    return fromPkcs8(text, armour, passphrase)
  if (passphrase === undefined && isEncrypted(text, armour)) {
    return { kind: 'encrypted', publicBlob: clearPublicHalf(text) }
  }
  return parsed(text, passphrase)
}

function parsed(text: Buffer | string, passphrase?: string): PrivateKeyFile {
  const found = ssh2.utils.parseKey(text, passphrase)
  const [key] = Array.isArray(found) ? found : [found]
  if (key === undefined || key instanceof Error) {
    return {
      kind: 'unusable',
      why: passphrase === undefined ? reasonOf(key) : 'its passphrase is another one',
    }
  }
  return { kind: key.isPrivateKey() ? 'private' : 'public', key }
}

function reasonOf(error: Error | undefined): string {
  const hardware = /\bsk-|Unsupported.*sk-/.test(error?.message ?? '')
  if (hardware)
    return 'it lies in a security key, which is not supported: make one with ssh-keygen -t ed25519'
  return error?.message ?? 'it is empty'
}

function isEncrypted(text: Buffer, armour: string | undefined): boolean {
  if (armour === 'OPENSSH PRIVATE KEY') return opensshHead(text)?.cipher !== 'none'
  return /^(?:Proc-Type: 4,ENCRYPTED|Encryption: (?!none))/m.test(text.toString('latin1'))
}

const magic = 'openssh-key-v1\0'

/** The head of OpenSSH's own form (PROTOCOL.key): cipher, key derivation, its options, how many keys, the public key. */
function opensshHead(text: Buffer): { cipher: string; publicBlob: Buffer } | undefined {
  const body = /-----BEGIN [A-Z ]+-----([\s\S]*?)-----END/.exec(text.toString('latin1'))?.[1] ?? ''
  const data = Buffer.from(body, 'base64')
  if (data.toString('latin1', 0, magic.length) !== magic) return undefined
  let offset = magic.length
  const next = (): Buffer => {
    const end = offset + 4 + data.readUInt32BE(offset)
    const value = data.subarray(offset + 4, end)
    offset = end
    return value
  }
  try {
    const cipher = next().toString('latin1')
    next()
    next()
    offset += 4
    return { cipher, publicBlob: next() }
  } catch {
    return undefined // cut short: the parser says so in its own words
  }
}

function clearPublicHalf(text: Buffer): Buffer | undefined {
  const blob = opensshHead(text)?.publicBlob
  return blob && typeOf(blob) !== 'unknown' ? blob : undefined
}

function fromPkcs8(text: Buffer, armour: string, passphrase: string | undefined): PrivateKeyFile {
  if (armour.startsWith('ENCRYPTED') && passphrase === undefined) return { kind: 'encrypted' }
  let key: KeyObject
  try {
    key = createPrivateKey({ key: text, ...(passphrase !== undefined && { passphrase }) })
  } catch (error) {
    const why = passphrase === undefined ? (error as Error).message : 'its passphrase is another one'
    return { kind: 'unusable', why }
  }
  const type = key.asymmetricKeyType
  if (type === 'rsa') return parsed(key.export({ type: 'pkcs1', format: 'pem' }))
  if (type === 'ec') return parsed(key.export({ type: 'sec1', format: 'pem' }))
  if (type === 'ed25519') return parsed(opensshForm(key))
  return {
    kind: 'unusable',
    why: `a key of type ${type} is not for SSH; make one with ssh-keygen -t ed25519`,
  }
}

/** An Ed25519 key in OpenSSH's form, which alone is parsed: `none` for cipher and derivation, one key, padded to 8 (PROTOCOL.key). */
function opensshForm(key: KeyObject): string {
  const { d = '', x = '' } = key.export({ format: 'jwk' })
  const [seed, point] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]
  const type = Buffer.from('ssh-ed25519')
  const secret = Buffer.concat([
    Buffer.alloc(8), // the two numbers that a passphrase is checked by
    ...[type, point, Buffer.concat([seed, point]), Buffer.alloc(0)].map(string),
  ])
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1))
  const none = string(Buffer.from('none'))
  const one = Buffer.from([0, 0, 0, 1])
  const publicBlob = string(Buffer.concat([string(type), string(point)]))
  const whole = [Buffer.from(magic), none, none, string(Buffer.alloc(0)), one, publicBlob]
  const body = Buffer.concat([...whole, string(Buffer.concat([secret, padding]))]).toString('base64')
  const label = 'OPENSSH PRIVATE KEY'
  return [`-----BEGIN ${label}-----`, ...(body.match(/.{1,70}/g) ?? []), `-----END ${label}-----`, ''].join(
    '\n',
  )
}

/** Length and bytes (RFC 4251, 5). */
function string(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
