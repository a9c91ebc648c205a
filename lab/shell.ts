/** An interactive shell inside a hypervisor or a namespace guest, without SSH: for a person who looks around. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { UsageError } from '../src/core/errors.ts'
import { insideHost } from './namespaces/namespace-host.ts'
import { requireLabName } from './options.ts'
import { readInit } from './state/processes.ts'
import { findHost, labStatus } from './status.ts'
import { hostEnvironment } from './tag.ts'

const ignore = (): void => undefined

/**
 * Runs a login shell in `machine` with this process's terminal. Returns its exit status.
 * @throws UsageError when no such machine runs in the lab.
 */
export async function labShell(name: string, machine: string): Promise<number> {
  requireLabName(name)
  const found = await findHost(name, machine)
  const pid = found && (await readInit(found.folder, name, machine))
  if (!found || pid === undefined) {
    const [status] = await labStatus(name)
    const running = status?.hosts.filter((host) => host.pid !== undefined).map((host) => host.name) ?? []
    throw new UsageError(
      running.length === 0
        ? `No lab '${name}' is running. Bring it up first.`
        : `'${machine}' is no running host of the lab '${name}'. There are: ${running.join(', ')}. ` +
            'A QEMU guest is entered through its console or by SSH.',
    )
  }
  const shell = ['sh', '-c', 'cd && if command -v bash > /dev/null; then exec bash -l; else exec sh -l; fi']
  const [program, ...args] = insideHost({ lab: name, name: machine, folder: found.folder, pid }, shell)
  const env = { ...hostEnvironment(name, machine), TERM: process.env['TERM'] ?? 'dumb' }
  const child = spawn(program as string, args, { stdio: 'inherit', env })
  // Ctrl-C is for the shell inside, which shares the terminal.
  process.on('SIGINT', ignore)
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 1
  } finally {
    process.off('SIGINT', ignore)
  }
}
