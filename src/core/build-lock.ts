/**
 * One builder at a time, also between processes. The lock is held by a child that ends when its standard input does: it
 * cannot outlive this process, however that ends, so no lock is ever stale.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { DpbenchError } from './errors.ts'
import { programEnvironment } from './passphrase.ts'

/**
 * Takes the lock on `file`, waiting for another holder; `onWait` is called when there is one.
 * @throws the signal's reason when it aborts the wait.
 */
export async function lockBuild(
  file: string,
  options: { onWait: () => void; signal?: AbortSignal | undefined },
): Promise<AsyncDisposable> {
  options.signal?.throwIfAborted()
  const held = 'printf held; exec cat >/dev/null'
  // The death signals end a wait for another holder when this process dies, or its shell is told to stop.
  const wait = '{ printf busy; setpriv --pdeathsig TERM flock 9; }'
  const script = `exec 9>"$0"; flock -n 9 || ${wait}; ${held}`
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'sh', '-c', script, file], {
    env: programEnvironment(),
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = once(child, 'close')
  const abort = (): void => void child.kill('SIGTERM')
  options.signal?.addEventListener('abort', abort, { once: true })
  try {
    let said = ''
    for await (const chunk of child.stdout) {
      if (said === '' && String(chunk).startsWith('busy')) options.onWait()
      said += String(chunk)
      if (said.endsWith('held')) break
    }
    if (!said.endsWith('held')) {
      options.signal?.throwIfAborted()
      throw new DpbenchError(`the lock ${file} could not be taken`)
    }
  } finally {
    options.signal?.removeEventListener('abort', abort)
  }
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await ended
    },
  }
}
