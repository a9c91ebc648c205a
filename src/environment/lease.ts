/**
 * One run at a time on an environment of this controller: a file that names the process that holds it. A later worker
 * of the same run waits for the earlier one to put everything back; a holder that no longer lives is replaced.
 */
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { writing } from '../core/disk-fault.ts'
import { DpbenchError } from '../core/errors.ts'
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
      const text = await readLease(file)
      if (text === undefined) return { state: 'pending', seen: 'it was released just now' }
      const other = parseHolder(text)
      if (!other || !(await isAlive(other))) {
        await takeAway(file, text)
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

/** Whole or not at all: who reads it while it is made would take it for what a crash has cut short. */
async function create(file: string, holder: LeaseHolder): Promise<boolean> {
  const draft = beside(file)
  try {
    await writing(file, () => writeFile(draft, JSON.stringify(holder), { mode: 0o600, flag: 'wx' }))
    return await linked(draft, file)
  } finally {
    await rm(draft, { force: true })
  }
}

/** Of one that has ended, with that `text`. Another who saw it too may have taken its place by now, and keeps it. */
async function takeAway(file: string, text: string): Promise<void> {
  const aside = beside(file)
  try {
    await rename(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if ((await readFile(aside, 'utf8')) !== text) await linked(aside, file)
  await rm(aside, { force: true })
}

function beside(file: string): string {
  return `${file}.${randomUUID()}`
}

/** `false` where there is one already. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** `undefined` where there is none. @throws DpbenchError for what cannot be read */
async function readLease(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new DpbenchError(
      `the lease ${file} cannot be read: ${message}; remove it when no run uses this environment`,
      { cause: error },
    )
  }
}

/** What a crash has cut short is nobody's. */
function parseHolder(text: string): LeaseHolder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
