/** How the process of a guest of this machine is started. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { GuestRunError } from '../../core/errors.ts'
import { programEnvironment } from '../../core/passphrase.ts'

/** Of the variable that marks the processes of a guest run; its value is the guest's name. */
export const guestVariable = 'DPBENCH_GUEST'

/**
 * Starts `argv`; resolves when it runs. The death signal: an emulator must not outlive whoever reads its console, however
 * that ends. Its session is its own: a Ctrl-C at the terminal is for the run, which ends the guest in its own order.
 * @throws GuestRunError
 */
export async function spawned(argv: readonly string[], options: SpawnOptions): Promise<ChildProcess> {
  const env = programEnvironment(options.env)
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { ...options, env, detached: true })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) =>
      reject(new GuestRunError('setpriv (Debian: util-linux) cannot be started', { cause })),
    )
  })
  return child
}

/** Asks the process to end, and makes it after `graceMs`; resolves when `ended` has. */
export async function endProcess(
  child: ChildProcess,
  ended: Promise<unknown>,
  graceMs: number,
): Promise<void> {
  child.kill('SIGTERM')
  const waiting = new AbortController()
  const late = delay(graceMs, 'late', { signal: waiting.signal }).catch(() => 'ended')
  if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL')
  waiting.abort()
  await ended
}

/** What was made for a guest, whether it is there or not. */
export async function removeMade(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true, force: true })
}
