/** Secrets that this process has come by: a passphrase, a registry's password, tokens of its environment. Never written out. */

/** Shorter ones are words that a text has for other reasons. */
const leastLength = 6

const remembered = new Set<string>()

/** Names of variables and keys that hold a secret, and of those that say where one is to be found. */
const secretName = /pass(?:word|phrase|wd)|secret|token|credential|private[_-]?key|api[_-]?key/i
const referenceName = /(?:file|path|variable|env|sock|socket|dir|url)$/i

export function isSecretName(name: string): boolean {
  return secretName.test(name) && !referenceName.test(name)
}

/** From now on `withoutKnownSecrets` takes it out, as it is, in base64, and as a URL or JSON writes it. */
export function rememberSecret(secret: string): void {
  if (secret.length < leastLength) return
  const forms = [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)]
  for (const form of [...forms, JSON.stringify(secret).slice(1, -1)]) remembered.add(form)
}

/** Those that the environment holds by the names of its variables. */
export function rememberEnvironment(env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(env)) if (value && isSecretName(name)) rememberSecret(value)
}

export function withoutKnownSecrets(text: string, replacement = '(not recorded)'): string {
  let clean = text
  // longer ones first: one may be a part of another
  for (const secret of [...remembered].toSorted((a, b) => b.length - a.length))
    if (clean.includes(secret)) clean = clean.replaceAll(secret, replacement)
  return clean
}
