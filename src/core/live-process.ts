/** A process of this controller, told from a later one of the same number. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'

export const liveProcessSchema = z.object({
  pid: z.number(),
  /** The process's start in clock ticks since boot (`/proc/<pid>/stat`, field 22): pids are used again. */
  startedTicks: z.string(),
})
export type LiveProcess = z.infer<typeof liveProcessSchema>

export async function thisProcess(): Promise<LiveProcess> {
  return { pid: process.pid, startedTicks: (await startOf(process.pid)) ?? '' }
}

export async function isAlive({ pid, startedTicks }: LiveProcess): Promise<boolean> {
  return (await startOf(pid)) === startedTicks
}

/** `undefined` when the process is gone, or dead and not yet fetched by its parent. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // the second field, the command in brackets, may hold spaces
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields && !/^[ZX]/i.test(fields[0] ?? '') ? fields[19] : undefined
}
