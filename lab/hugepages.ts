/**
 * Huge pages of 2 MB for a data plane that lives on them. The kernel has one number for the whole machine, so a lab adds its
 * own share and takes the same share away again; a file in the lab's folder says how much that is, before it is added.
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../src/core/errors.ts'
import { labPaths } from './paths.ts'
import { lockHugepages } from './state/lock.ts'

/** dpservice's `-m`, in MB, of each hypervisor (DPSERVICE.md, "TAP mode"). */
export const dataPlaneMemoryMb = 320
const pageMb = 2
/** Where a hypervisor mounts them. */
export const hugepagesFolder = '/run/dpbench/hugepages'
const kernelFolder = '/sys/kernel/mm/hugepages/hugepages-2048kB'

interface Share {
  readonly pages: number
  /** The machine's number before. */
  readonly before: number
  /** False in the file of a `lab up` that was killed before it knew that they were added. */
  readonly added: boolean
}

/** Where the machine's number is, and where a lab's share is written down; others only in tests. */
export interface HugepageFiles {
  readonly count: string
  readonly share: string
}

export function hugepageFiles(lab: string): HugepageFiles {
  return { count: join(kernelFolder, 'nr_hugepages'), share: join(labPaths(lab).folder, 'hugepages.json') }
}

/**
 * Adds what `hypervisors` data planes need.
 * @throws UsageError when the machine has no such pages, or not enough memory in one piece; then nothing was changed.
 */
export async function addHugepages(
  { count, share }: HugepageFiles,
  hypervisors: number,
  signal: AbortSignal,
): Promise<void> {
  const pages = (hypervisors * dataPlaneMemoryMb) / pageMb
  if (!existsSync(count)) {
    throw new UsageError(
      `A dpservice image needs ${pages} huge pages of ${pageMb} MB, and this kernel has none of that size (${count} is not there): ` +
        'use a kernel with CONFIG_HUGETLBFS.',
    )
  }
  await using _lock = await lockHugepages(signal)
  const before = await readCount(count)
  await writeFile(share, JSON.stringify({ pages, before, added: false } satisfies Share))
  await writeFile(count, String(before + pages))
  const now = await readCount(count)
  if (now >= before + pages) {
    await writeFile(share, JSON.stringify({ pages, before, added: true } satisfies Share))
    return
  }
  await writeFile(count, String(before))
  await rm(share)
  throw new UsageError(
    `A dpservice image needs ${pages} huge pages of ${pageMb} MB, and the kernel found memory for ${now - before} of them: ` +
      'free memory, or give the machine more (pages can be had more easily soon after a boot).',
  )
}

/** Takes the lab's share away, if it has one. Its data planes must be gone. */
export async function removeHugepages({ count, share }: HugepageFiles): Promise<void> {
  const text = await readFile(share, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return
  await using _lock = await lockHugepages(AbortSignal.timeout(60_000))
  const { pages, before, added } = JSON.parse(text) as Share
  const now = await readCount(count)
  if (added || now >= before + pages) await writeFile(count, String(Math.max(0, now - pages)))
  await rm(share)
}

async function readCount(file: string): Promise<number> {
  return Number((await readFile(file, 'utf8')).trim())
}
