/** What parts work with: labs that are theirs, a folder, and the end of the bench. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LabDescription, type LabOptions, labDown, labUp } from '../lab/lab.ts'
import { labNames } from '../lab/state/state.ts'
import { DisposalStack } from '../src/core/disposal-stack.ts'

export type StageLab = Pick<LabOptions, 'guests' | 'hypervisors' | 'vms' | 'image' | 'dataplane'>

export interface Stage {
  /** Brings such a lab up, or finds the one that an earlier part had. It is taken down at the end of the bench. */
  lab(wanted: StageLab): Promise<LabDescription>
  /** Of this part alone, empty. */
  folder(): Promise<string>
  /** Given back when the part has ended. */
  readonly own: DisposalStack
  readonly log: (line: string) => void
  /** Aborted by Ctrl-C: what takes long is given it. */
  readonly signal: AbortSignal
}

export interface StageOptions {
  readonly log: (line: string) => void
  readonly signal: AbortSignal
}

/** The labs of one bench. */
export class Labs implements AsyncDisposable {
  readonly #options: StageOptions
  #made = 0
  readonly #labs = new Map<string, Promise<LabDescription>>()

  constructor(options: StageOptions) {
    this.#options = options
  }

  /** @throws UsageError where no lab can be */
  lab(wanted: StageLab): Promise<LabDescription> {
    const key = JSON.stringify(wanted)
    let lab = this.#labs.get(key)
    if (!lab) {
      const name = `${prefix}${process.pid}-${(this.#made += 1)}`
      lab = labUp({ ...wanted, name, ...this.#options })
      this.#labs.set(key, lab)
      // what failed once may work for the next part
      lab.catch(() => this.#labs.delete(key))
    }
    return lab
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const labs = await Promise.allSettled(this.#labs.values())
    for (const lab of labs) if (lab.status === 'fulfilled') await labDown(lab.value.name)
  }
}

const prefix = 'bench-self-'

/** Takes down the labs of a bench that was killed. */
export async function removeLeftLabs(log: (line: string) => void): Promise<void> {
  for (const name of await labNames()) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : Number.NaN
    if (Number.isNaN(pid) || isRunning(pid)) continue
    log(`taking down the lab ${name} that a killed bench has left`)
    await labDown(name)
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** The stage of one part. */
export function stageOf(labs: Labs, { log, signal }: StageOptions): Stage {
  const own = new DisposalStack()
  return {
    own,
    log,
    signal,
    lab: (wanted) => labs.lab(wanted),
    async folder() {
      const folder = await mkdtemp(join(tmpdir(), 'dpbench-self-'))
      own.defer(() => rm(folder, { recursive: true, force: true }))
      return folder
    },
  }
}
