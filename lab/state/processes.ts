/** The lab's processes on the machine, found by the tag in their environment: also those that no state file knows of. */
import { readFile, readdir } from 'node:fs/promises'
import { waitFor } from '../../src/core/wait.ts'
import { hostVariable, labVariable } from '../tag.ts'

export interface TaggedProcess {
  readonly pid: number
  readonly program: string
  readonly lab: string
  /** Only what runs inside a host's namespaces, and what holds them, has one. */
  readonly host: string | undefined
}

/** Every living process that was started for the lab `name`, or for any lab when no name is given. */
export async function taggedProcesses(name?: string): Promise<TaggedProcess[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number)
  const found = await Promise.all(pids.filter((pid) => pid !== process.pid).map(readTags))
  return found.filter(
    (each) => each !== undefined && (name === undefined || each.lab === name),
  ) as TaggedProcess[]
}

/** `undefined` when the process is gone, is a zombie, or has nothing to do with a lab. */
export async function readTags(pid: number): Promise<TaggedProcess | undefined> {
  try {
    const [environment, stat] = await Promise.all([
      readFile(`/proc/${pid}/environ`, 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ])
    if (!environment.includes(`${labVariable}=`)) return undefined
    const variables = new Map(
      environment.split('\0').map((entry) => {
        const at = entry.indexOf('=')
        return [entry.slice(0, at), entry.slice(at + 1)]
      }),
    )
    const lab = variables.get(labVariable)
    const program = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    const dead = /^ [ZXx]/.test(stat.slice(stat.lastIndexOf(')') + 1))
    return lab === undefined || dead ? undefined : { pid, program, lab, host: variables.get(hostVariable) }
  } catch {
    return undefined // it ended while it was looked at, or is a kernel thread
  }
}

/** A host's first process by the file that it wrote: its pid on the machine, when it still is that process. */
export async function readInit(folder: string, lab: string, host: string): Promise<number | undefined> {
  const text = await readFile(`${folder}/init.pid`, 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  if (!Number.isInteger(pid)) return undefined
  const tags = await readTags(pid)
  return tags?.lab === lab && tags.host === host ? pid : undefined
}

/**
 * Kills every process of the lab and waits until none is left. A host's first process takes with it, by the kernel's hand,
 * all that runs in its pid namespace.
 * @throws WaitError when some are still there after 20 s.
 */
export async function killTagged(name: string): Promise<void> {
  await waitFor(
    async () => {
      const processes = await taggedProcesses(name)
      if (processes.length === 0) return { state: 'ready', value: undefined }
      // `unshare` holds a namespace's first process as its child and reaps it, so it goes last.
      const inner = processes.filter(({ program }) => program !== 'unshare')
      for (const { pid } of inner.length > 0 ? inner : processes) kill(pid)
      return { state: 'pending', seen: processes.map(({ pid, program }) => `${program} (${pid})`).join(', ') }
    },
    {
      what: `the processes of the lab '${name}' to end`,
      timeoutMs: 20_000,
      intervalMs: 10,
      maxIntervalMs: 200,
    },
  )
}

/** Kills every process that has `variable=value` in its environment, and waits until none is left. @throws WaitError */
export async function killMarked(variable: string, value: string): Promise<void> {
  const mark = `${variable}=${value}`
  await waitFor(
    async () => {
      const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number)
      const marked = await Promise.all(pids.map(async (pid) => ((await hasMark(pid, mark)) ? [pid] : [])))
      for (const pid of marked.flat()) kill(pid)
      if (marked.flat().length === 0) return { state: 'ready', value: undefined }
      return { state: 'pending', seen: `processes ${marked.flat().join(', ')}` }
    },
    { what: `the processes marked ${mark} to end`, timeoutMs: 20_000, intervalMs: 10, maxIntervalMs: 200 },
  )
}

/** A zombie's environment is empty: it counts as ended. */
async function hasMark(pid: number, mark: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '') // ended meanwhile
  return environment.split('\0').includes(mark)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
