/** A daemon of a host: started in its namespaces as a child of its init, and waited for until it really answers. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Probe, waitFor } from '../../src/core/wait.ts'
import { type NamespaceHost, logTail, runInHost } from '../namespaces/namespace-host.ts'

export interface Daemon {
  readonly name: string
  readonly argv: readonly string[]
  /** Whether it answers; asked until it does. */
  readonly probe: (signal: AbortSignal) => Promise<Probe<void>>
  /** From the start until it answers. */
  readonly timeoutMs: number
}

/**
 * Becomes a child of the host's init, so nothing outside holds it; its output goes to the host's log folder.
 * The shell writes its own pid, as the host counts, and turns into the daemon.
 */
const launch = 'echo $$ > "/run/dpbench/$0.pid"; exec "$@" >> "/var/log/dpbench/$0.log" 2>&1'

/**
 * Starts `daemon` and waits until it answers.
 * @throws WaitError with the end of its log when it ends first or does not answer in time.
 */
export async function startDaemon(host: NamespaceHost, daemon: Daemon, signal: AbortSignal): Promise<void> {
  await runInHost(host, ['setsid', '-f', 'sh', '-c', launch, daemon.name, ...daemon.argv], { signal })
  const log = join(host.folder, 'log', `${daemon.name}.log`)
  await waitFor<void>(
    async (deadline) => {
      const outcome = await daemon.probe(deadline).catch((error: unknown): Probe<void> => {
        return { state: 'pending', seen: error instanceof Error ? error.message : String(error) }
      })
      if (outcome.state !== 'pending') return outcome
      if ((await daemonPid(host, daemon.name)) === 'ended') {
        return { state: 'failed', reason: `it ended. The end of ${log}:\n${await logTail(log)}` }
      }
      return {
        state: 'pending',
        seen: `${outcome.seen ?? 'no answer'}; the end of ${log}:\n${await logTail(log, 5)}`,
      }
    },
    {
      what: `${daemon.name} on ${host.name} to answer`,
      timeoutMs: daemon.timeoutMs,
      intervalMs: 40,
      maxIntervalMs: 250,
      signal,
    },
  )
}

/** Its pid as the host counts, or `ended`, or `starting` when it has not written its pid yet. */
export async function daemonPid(host: NamespaceHost, name: string): Promise<number | 'ended' | 'starting'> {
  const inside = `/proc/${host.pid}/root`
  const text = await readFile(`${inside}/run/dpbench/${name}.pid`, 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  if (!Number.isInteger(pid)) return 'starting'
  const stat = await readFile(`${inside}/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat === '' || /\) [ZX] /.test(stat) ? 'ended' : pid
}
