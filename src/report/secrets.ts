/** Keeps secrets out of records and logs: those that are known, those by the name of their key, those by their look. */
import { isSecretName, withoutKnownSecrets } from '../core/known-secrets.ts'

const secretValue = /-----BEGIN [A-Z ]*PRIVATE KEY-----|^\$(?:1|2[aby]|5|6|7|y|gy)\$/

const replacement = '(not recorded)'

/** A deep copy in which every secret is replaced. */
export function withoutSecrets(value: unknown, key = ''): unknown {
  if (typeof value === 'string') {
    return isSecretName(key) || secretValue.test(value) ? replacement : value
  }
  if (Array.isArray(value)) return value.map((entry) => withoutSecrets(entry, key))
  if (value === null || typeof value !== 'object')
    return isSecretName(key) && value !== null ? replacement : value
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, withoutSecrets(entry, name)]))
}

/** Values that a deep copy would have lost: those that must not be in a log either. */
export function secretsIn(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return isSecretName(key) || secretValue.test(value) ? [value] : []
  if (Array.isArray(value)) return value.flatMap((entry) => secretsIn(entry, key))
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([name, entry]) => secretsIn(entry, name))
}

/** Shorter ones are words that a log has for other reasons. */
const leastSecretLength = 4

const privateKeys = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g
const passwordHashes = /\$(?:1|2[aby]|5|6|7|y|gy)\$[\w./$,=+-]{8,}/g
const urlPasswords = /(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:@/]+:)[^\s@/]+(?=@)/gi
const authorization = /(\bauthorization["']?\s*[:=]\s*["']?(?:basic|bearer)\s+)[^\s"',]+/gi
/** `password=…`, `"token": "…"`, `--secret …`. Looked for at the start of a word alone: a long one (base64) takes no time then. */
const assignments = /(?<![\w.-])([\w.-]*)(["']?\s*[:=]\s*)("[^"\n]*"|'[^'\n]*'|[^\s"',;]+)/g

/** A sentence or log in which every secret is replaced: also what is assigned to a name that holds one. */
export function textWithoutSecrets(text: string, known: readonly string[]): string {
  return rawWithoutSecrets(text, known).replaceAll(assignments, (whole: string, key: string, sign: string) =>
    isSecretName(key) ? `${key}${sign}${replacement}` : whole,
  )
}

/** A deep copy of a record; sentences, which have spaces, as texts, and names (an image, a path) as they are. */
export function recordWithoutSecrets<T>(value: T, known: readonly string[] = []): T {
  if (typeof value === 'string')
    return (/\s/.test(value) ? textWithoutSecrets(value, known) : rawWithoutSecrets(value, known)) as T
  if (Array.isArray(value))
    return (
      typeof value[0] === 'number' ? value : value.map((each) => recordWithoutSecrets(each, known))
    ) as T
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).map(([key, each]) => [key, recordWithoutSecrets(each, known)])
  return Object.fromEntries(entries) as T
}

/** A program's output as it is but for secrets: the `known` ones wherever they are, others by how they look. */
export function rawWithoutSecrets(text: string, known: readonly string[] = []): string {
  let clean = withoutKnownSecrets(text, replacement)
  for (const secret of known) {
    if (secret.length >= leastSecretLength) clean = clean.replaceAll(secret, replacement)
  }
  return clean
    .replaceAll(privateKeys, replacement)
    .replaceAll(passwordHashes, replacement)
    .replaceAll(urlPasswords, `$1${replacement}`)
    .replaceAll(authorization, `$1${replacement}`)
}
