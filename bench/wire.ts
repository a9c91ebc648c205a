/** What went over the management network to a hypervisor of a lab. */
import { readFile } from 'node:fs/promises'
import type { LabDescription } from '../lab/lab.ts'
import { linkPrefix } from '../lab/tag.ts'

/** Bytes sent to each hypervisor since its lab came up, by the counters of its port: frames and all, in the order of the hypervisors. */
export function bytesTo(lab: LabDescription): Promise<number[]> {
  return Promise.all(
    lab.hypervisors.map(async (_, index) => {
      const file = `/sys/class/net/${linkPrefix(lab.name)}h${index + 1}/statistics/tx_bytes`
      return Number(await readFile(file, 'utf8'))
    }),
  )
}

/** The most that one hypervisor was sent while `work` ran. */
export async function mostSent(lab: LabDescription, work: () => Promise<unknown>): Promise<number> {
  const before = await bytesTo(lab)
  await work()
  return Math.max(...(await bytesTo(lab)).map((bytes, index) => bytes - before[index]!))
}
