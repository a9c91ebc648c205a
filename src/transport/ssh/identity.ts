/**
 * What dpbench logs in with: the private key of one file, or, where that is encrypted or the file holds a public key
 * alone, the same key in the user's ssh-agent. No other key of the agent is offered, and the agent is never forwarded.
 */
import { readFile, stat } from 'node:fs/promises'
import type { BaseAgent, ParsedKey } from 'ssh2'
import { askSecret } from '../../core/ask-secret.ts'
import { ConnectionError, UsageError } from '../../core/errors.ts'
import { rememberSecret } from '../../core/known-secrets.ts'
import { passphraseVariable } from '../../core/passphrase.ts'
import { OneKeyAgent, agentHas } from './agent.ts'
import { type PrivateKeyFile, readKeyFile } from './private-key.ts'
import { parseKeyLine } from './public-key.ts'

export type Identity = { readonly privateKey: ParsedKey } | { readonly agent: BaseAgent }

/** By file: a person is asked once per process, and an encrypted key takes a second to open. */
const opened = new Map<string, { readonly text: string; readonly identity: Promise<Identity> }>()

/**
 * @throws ConnectionError for a file that cannot be read; UsageError for one that others may read, that is no key, or
 * whose passphrase nobody tells
 */
export async function identityOf(keyFile: string, env: NodeJS.ProcessEnv = process.env): Promise<Identity> {
  const text = await readFile(keyFile).catch((error: unknown) => {
    throw new ConnectionError(`cannot read the private key ${keyFile}`, { cause: error })
  })
  const known = `${text.toString('latin1')}\0${env['SSH_AUTH_SOCK']}`
  const before = opened.get(keyFile)
  if (before?.text === known) return before.identity
  const identity = identityIn(keyFile, text, env)
  opened.set(keyFile, { text: known, identity })
  identity.catch(() => opened.delete(keyFile)) // told to whoever waits for it; the next one tries anew
  return identity
}

async function identityIn(keyFile: string, text: Buffer, env: NodeJS.ProcessEnv): Promise<Identity> {
  const file = readKeyFile(text)
  if (file.kind === 'unusable') throw unusable(keyFile, file.why)
  if (file.kind !== 'public') await requirePrivate(keyFile)
  if (file.kind === 'private') return { privateKey: file.key }
  const blob = file.kind === 'public' ? file.key.getPublicSSH() : await publicHalf(keyFile, file)
  const agent = blob && (await agentHas(env['SSH_AUTH_SOCK'], blob))
  if (blob && agent === 'has it') return { agent: new OneKeyAgent(env['SSH_AUTH_SOCK']!, blob) }
  if (file.kind === 'encrypted') return opening(keyFile, text, env)
  throw new UsageError(
    `${keyFile} is a public key, and ${agentSentence(agent)}: type ssh-add with its private half, ` +
      'or name the private key in "key_file" of the config',
  )
}

function agentSentence(agent: string | undefined): string {
  return agent === 'not asked' || agent === undefined
    ? 'there is no ssh-agent (SSH_AUTH_SOCK is not set)'
    : `the ssh-agent ${agent}`
}

/** As OpenSSH, which takes no key that others may read; only of files that are ours, as it does. */
async function requirePrivate(keyFile: string): Promise<void> {
  const { mode, uid } = await stat(keyFile)
  if ((mode & 0o077) === 0 || uid !== process.getuid?.()) return
  throw new UsageError(
    `${keyFile} may be read by others (mode ${(mode & 0o777).toString(8).padStart(4, '0')}), so it is not used: ` +
      `chmod 600 ${keyFile}`,
  )
}

async function publicHalf(
  keyFile: string,
  file: Extract<PrivateKeyFile, { kind: 'encrypted' }>,
): Promise<Buffer | undefined> {
  if (file.publicBlob) return file.publicBlob
  const beside = await readFile(`${keyFile}.pub`, 'utf8').catch(() => '') // PEM says nothing in clear, and need not have one
  return parseKeyLine(beside)?.blob
}

async function opening(keyFile: string, text: Buffer, env: NodeJS.ProcessEnv): Promise<Identity> {
  const told = env[passphraseVariable]
  const typed = told === undefined ? await askSecret(`Passphrase for ${keyFile}`) : undefined
  const passphrase = told ?? typed
  if (passphrase === undefined) {
    throw new UsageError(
      `${keyFile} is encrypted, and nobody tells its passphrase: type ssh-add ${keyFile} ` +
        `(an ssh-agent at SSH_AUTH_SOCK), or set ${passphraseVariable}, or call dpbench at a terminal, which asks`,
    )
  }
  rememberSecret(passphrase)
  const file = readKeyFile(text, passphrase)
  if (file.kind !== 'private') {
    const from = told === undefined ? 'the one that was typed' : `the one in ${passphraseVariable}`
    throw new UsageError(`${keyFile}: its passphrase is not ${from}`)
  }
  // a worker, and the runs of a series, are processes of their own and must not ask again
  if (typed !== undefined) env[passphraseVariable] = typed
  return { privateKey: file.key }
}

function unusable(keyFile: string, why: string): UsageError {
  return new UsageError(
    `${keyFile} cannot be used as a private key: ${why}; write the path of another one into "key_file" of the config`,
  )
}

/** Whether a person, an agent or a variable has to open it: so it is asked for before anything has begun. */
export async function unlockIdentity(keyFile: string): Promise<void> {
  const text = await readFile(keyFile).catch(() => undefined) // connecting tells of it
  if (text && readKeyFile(text).kind === 'encrypted') await identityOf(keyFile)
}
