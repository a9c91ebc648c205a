/**
 * One run at a time on an environment of this controller: a file that names the process that holds it. A later worker
 * of the same run waits for the earlier one to put everything back; a holder that no longer lives is replaced.
 */
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { isAlive, liveProcessSchema, thisProcess } from '../core/live-process.ts'
import { waitFor } from '../core/wait.ts'

const holderSchema = liveProcessSchema.extend({
  runId: z.string(),
  since: z.string(),
})
export type LeaseHolder = z.infer<typeof holderSchema>

export interface Lease extends AsyncDisposable {
  readonly file: string
}

/** @throws DpbenchError naming the holder when another run has it; WaitError when this run's earlier worker does not let go */
export async function acquireLease(
  file: string,
  runId: string,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<Lease> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const holder: LeaseHolder = {
    ...(await thisProcess()),
    runId,
    since: new Date().toISOString(),
  }
  await waitFor(
    async () => {
      if (await create(file, holder)) return { state: 'ready', value: undefined }
      const other = await readHolder(file)
      if (!other || !(await isAlive(other))) {
        await rm(file, { force: true })
        return { state: 'pending', seen: 'a lease of a run that has ended' }
      }
      if (other.runId === runId)
        return { state: 'pending', seen: `process ${other.pid} of this run still holds it` }
      return { state: 'failed', reason: heldBy(file, other) }
    },
    {
      what: 'the environment to be free',
      timeoutMs: options.timeoutMs ?? 180_000,
      maxIntervalMs: 200,
      ...options,
    },
  )
  let released: Promise<void> | undefined
  return {
    file,
    [Symbol.asyncDispose]: () => (released ??= rm(file, { force: true })),
  }
}

function heldBy(file: string, { pid, runId, since }: LeaseHolder): string {
  return `run ${runId} (process ${pid}, since ${since}) uses this environment; wait for it or end it (${file})`
}

async function create(file: string, holder: LeaseHolder): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(JSON.stringify(holder))
    await handle.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function readHolder(file: string): Promise<LeaseHolder | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '') // released meanwhile
  try {
    return holderSchema.parse(JSON.parse(text))
  } catch {
    return undefined // cut short by a crash: nobody's
  }
}
