/**
 * A folder of our own on a machine, for what is run there: it carries a label, whatever is started from it carries its
 * path in the environment, and taking it away ends all of that first.
 */
import { shell } from '../core/shell-quote.ts'
import type { TrafficEnd } from './traffic-end.ts'
import { endProcesses } from './marked-processes.ts'

/** In the environment of every process that belongs to a work folder. */
export const folderVariable = 'DPBENCH_WORK_FOLDER'

const labelFile = '.dpbench'

export interface WorkFolder {
  /** Absolute, on the machine. */
  readonly path: string
  /** What its label says: the run that made it. */
  readonly label: string
}

/** Not `/tmp`: that may be memory, and small. */
export function workFolderOf(runId: string, name: string): WorkFolder {
  return { path: `/var/tmp/dpbench-${name}-${runId}`, label: runId }
}

/** Makes the folder, as the login user. Its removal must be in the journal before. @throws CommandError when it is there */
export async function makeWorkFolder({ ssh }: TrafficEnd, { path, label }: WorkFolder): Promise<void> {
  const script = `umask 022; mkdir -m 755 -- "$1" && printf '%s\\n' "$2" > "$1/${labelFile}"`
  await ssh.run(shell(script, path, label), { sudo: false })
}

/**
 * Ends what was started from it and removes it; a folder without our label is left alone, and is an error. May be run
 * again. @throws CommandError
 */
export async function removeWorkFolder(ssh: TrafficEnd['ssh'], { path, label }: WorkFolder): Promise<void> {
  const owned = `[ -e "$1" ] || exit 0
rmdir -- "$1" 2>/dev/null && exit 0
[ "$(cat -- "$1/${labelFile}" 2>/dev/null)" = "$2" ] || { echo "$1 does not carry the label of $2: left alone" >&2; exit 1; }`
  await ssh.run(shell(owned, path, label))
  await ssh.run(
    endProcesses({
      mark: `${folderVariable}=${path}`,
      writing: [path],
      signals: ['TERM', 'KILL'],
      graceSeconds: 3,
    }),
  )
  await ssh.run(shell(`rm -rf --one-file-system -- "$1"`, path), { timeoutMs: 300_000 })
}
