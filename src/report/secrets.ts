/** Keeps secrets out of records and logs: by the name of their key, and by the look of their value. */

const secretKey = /pass(?:word|phrase|wd)|secret|token|credential|private[_-]?key/i
/** A key that says where a secret is to be found holds none. */
const reference = /(?:file|path|variable|env)$/i
const secretValue = /-----BEGIN [A-Z ]*PRIVATE KEY-----|^\$(?:1|2[aby]|5|6|7|y|gy)\$/

const replacement = '(not recorded)'

/** A deep copy in which every secret is replaced. */
export function withoutSecrets(value: unknown, key = ''): unknown {
  if (typeof value === 'string') {
    return isSecretKey(key) || secretValue.test(value) ? replacement : value
  }
  if (Array.isArray(value)) return value.map((entry) => withoutSecrets(entry, key))
  if (value === null || typeof value !== 'object')
    return isSecretKey(key) && value !== null ? replacement : value
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, withoutSecrets(entry, name)]))
}

function isSecretKey(key: string): boolean {
  return secretKey.test(key) && !reference.test(key)
}

/** Values that a deep copy would have lost: those that must not be in a log either. */
export function secretsIn(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return isSecretKey(key) || secretValue.test(value) ? [value] : []
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

/** A text in which every secret is replaced: the `known` ones wherever they are, others by how they look. */
export function textWithoutSecrets(text: string, known: readonly string[]): string {
  let clean = text
  for (const secret of known) {
    if (secret.length >= leastSecretLength) clean = clean.replaceAll(secret, replacement)
  }
  return clean
    .replaceAll(privateKeys, replacement)
    .replaceAll(passwordHashes, replacement)
    .replaceAll(urlPasswords, `$1${replacement}`)
    .replaceAll(authorization, `$1${replacement}`)
    .replaceAll(assignments, (whole: string, key: string, sign: string) =>
      isSecretKey(key) ? `${key}${sign}${replacement}` : whole,
    )
}
