/** What went over the management network to a hypervisor of a lab. */
import { readFile } from 'node:fs/promises'
import { runLocally } from '../src/core/local-command.ts'
import type { LabDescription } from '../lab/lab.ts'
import { linkPrefix } from '../lab/tag.ts'
import type { Stage } from './stage.ts'

/** Bytes sent to each hypervisor since its lab came up, by the counters of its port: frames and all, in the order of the hypervisors. */
export function bytesTo(lab: LabDescription): Promise<number[]> {
  return Promise.all(
    lab.hypervisors.map(async (_, index) => {
      const port = portTo(lab, index)
      return Number(await readFile(`/sys/class/net/${port}/statistics/tx_bytes`, 'utf8'))
    }),
  )
}

/** The most that one hypervisor was sent while `work` ran. */
export async function mostSent(lab: LabDescription, work: () => Promise<unknown>): Promise<number> {
  const before = await bytesTo(lab)
  await work()
  return Math.max(...(await bytesTo(lab)).map((bytes, index) => bytes - before[index]!))
}

const portTo = ({ name }: LabDescription, index: number): string => `${linkPrefix(name)}h${index + 1}`

/** Until the part has ended, what goes to each hypervisor goes at 1 Gbit/s, as over the management network of servers. */
export async function atOneGigabit(stage: Stage, lab: LabDescription): Promise<void> {
  for (const index of lab.hypervisors.keys()) {
    const root = ['dev', portTo(lab, index), 'root']
    stage.own.defer(() => runLocally(['tc', 'qdisc', 'del', ...root]))
    const shape = ['tbf', 'rate', '1gbit', 'burst', '1mb', 'latency', '50ms']
    await runLocally(['tc', 'qdisc', 'replace', ...root, ...shape], { signal: stage.signal })
  }
}
