/**
 * Calls a script with one argument, `deps` or `list-tests`, to hear what it says. What it does is without effect: it runs
 * without privileges, devices, network and anything writable (confined.sh), for seconds. A script that knows nothing of the
 * argument does its work there, in vain.
 */
import { join } from 'node:path'
import { DpbenchError, GuestRunError } from '../core/errors.ts'
import { tryLocally } from '../core/local-command.ts'
import { ktestEnvironment } from './ktest-variables.ts'

const timeoutMs = 20_000
const confined = 'dpbench: confined\n'
const shown = 5

export interface Answer {
  readonly text: string
  /** Why it is no answer: a sentence without its subject. */
  readonly fault?: string
}

/** @throws GuestRunError where nothing can be run so that it is without effect */
export async function ask(script: string, argument: string, signal?: AbortSignal): Promise<Answer> {
  const asRoot = process.getuid?.() === 0
  const namespaces = ['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child', '--mount-proc']
  const result = await tryLocally(
    [
      // a script that hangs must not outlive who asks it
      'setpriv',
      '--pdeathsig',
      'KILL',
      'unshare',
      ...(asRoot ? [] : ['--user', '--map-root-user']),
      ...namespaces,
      'sh',
      join(import.meta.dirname, 'confined.sh'),
      script,
      argument,
    ],
    { timeoutMs, signal, ownGroup: true, env: { ...process.env, ...ktestEnvironment } },
  ).catch((error: unknown) => {
    throw new DpbenchError('unshare is missing: install util-linux', { cause: error })
  })
  signal?.throwIfAborted()
  if (result.timedOut)
    return { text: '', fault: `does not answer '${argument}' within ${timeoutMs / 1000} s` }
  if (!result.stdout.startsWith(confined)) {
    const said = lastLines(result.stderr)
    throw new GuestRunError(
      `${script} cannot be asked for '${argument}' without a risk to this machine: run as root, or declare its needs in ` +
        `comments at its head (# MEM=512M)\n${said}`,
    )
  }
  const text = result.stdout.slice(confined.length)
  if (result.exitCode === 0) return { text }
  const said = lastLines(result.stderr || text)
  return { text, fault: `ends '${argument}' with status ${result.exitCode}${said && `:\n${said}`}` }
}

function lastLines(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .slice(-shown)
    .map((line) => `    ${line}`)
    .join('\n')
    .trimEnd()
}
