/** How the process of a guest of this machine is started. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
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
