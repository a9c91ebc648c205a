/** Keeps secrets out of a record: by the name of their key, and by the look of their value. */

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
