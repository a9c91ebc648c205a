/** What pairs need of the two machines, and where things lie on them. */
import { join } from 'node:path/posix'
import { MachineError } from '../core/errors.ts'
import { quoteArg, shell } from '../core/shell-quote.ts'
import type { TrafficEnd } from '../machine/traffic-end.ts'
import { type WorkFolder, folderVariable } from '../machine/work-folder.ts'
import { sendNames } from './files.ts'
import type { Group, Side } from './group.ts'
import { helperFiles, sudoForRoot } from './helpers.ts'

/** A machine that programs of pairs run on. */
export interface PairMachine extends TrafficEnd {
  /** Where the other machine reaches it. */
  readonly address: string
  readonly user: string
  /** Of its sshd. */
  readonly port: number
}

/** One side of an open group. */
export interface PairSide {
  readonly side: Side
  readonly machine: PairMachine
  readonly folder: WorkFolder
  /** On the machine, laid out as mirage-bench has it. */
  readonly paths: SidePaths
}

export interface SidePaths {
  readonly root: string
  readonly group: string
  readonly results: string
  readonly helpers: string
  /** Standing in for programs that the machine lacks. */
  readonly shims: string
  /** What a program needs beside its result folder: its output, its pipes. */
  readonly control: (run: string) => string
}

export function pathsOf({ path }: WorkFolder, group: string, tag: string): SidePaths {
  const root = join(path, 'root')
  return {
    root,
    group: join(root, group),
    results: join(root, 'results', tag, group),
    helpers: join(path, 'helpers'),
    shims: join(path, 'shims'),
    control: (run) => join(path, 'control', run),
  }
}

/** What is used of a machine beside a POSIX shell, by the Debian package that has it. */
const programs = {
  find: 'findutils',
  grep: 'grep',
  mkfifo: 'coreutils',
  mktemp: 'coreutils',
  sed: 'sed',
  setsid: 'util-linux',
  ss: 'iproute2',
  tar: 'tar',
} as const

/** Before anything is made on the machine. @throws MachineError with what it lacks */
export async function requirePrograms({ name, ssh }: PairMachine, signal?: AbortSignal): Promise<void> {
  const look = shell('for p; do command -v "$p" >/dev/null || echo "$p"; done', ...Object.keys(programs))
  const { stdout } = await ssh.run(look, { sudo: false, signal })
  const missing = stdout.split('\n').filter(Boolean)
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((each) => programs[each as keyof typeof programs]))]
  throw new MachineError(
    `${name} lacks ${missing.join(', ')}, which pairs need there: install ${packages.join(', ')}`,
  )
}

/** Puts the group and the helpers onto the machine. @throws CommandError */
export async function furnish(
  { machine, paths }: PairSide,
  group: Group,
  signal?: AbortSignal,
): Promise<void> {
  const asUser = { sudo: false, ...(signal && { signal }) }
  const script = Object.entries({ ...helperFiles, 'shims/sudo': sudoForRoot })
    .map(([name, content]) => {
      const file = name.startsWith('shims/') ? join(paths.shims, 'sudo') : join(paths.helpers, name)
      const write = `printf %s ${quoteArg(content)} > ${quoteArg(file)} && chmod 755 ${quoteArg(file)}`
      return file.startsWith(paths.shims)
        ? `{ [ "$(id -u)" -ne 0 ] || command -v sudo >/dev/null || { ${write}; }; }`
        : write
    })
    .join(' &&\n')
  await machine.ssh.run(
    shell(`mkdir -p -- "$1" "$2" "$3" && ${script}`, paths.helpers, paths.shims, paths.results),
    asUser,
  )
  await sendNames(machine, join(group.folder, '..'), group.shipped, paths.root, signal)
}

/** The variables that every program and hook of the group gets, under the names of mirage-bench. */
export function variablesOf(
  group: string,
  tag: string,
  { local, remote }: Readonly<Record<Side, PairSide>>,
): Record<string, string> {
  return {
    TEST_NAME: group,
    TESTS: group,
    RESULTS_TAG: tag,
    REMOTE_HOST: remote.machine.address,
    REMOTE_USER: remote.machine.user,
    REMOTE_PORT: String(remote.machine.port),
    REMOTE_ROOT_PATH: `${remote.paths.root}/`, // with its slash, as mirage-bench has it
    REMOTE_TEST_ROOT_PATH: remote.paths.group,
    REMOTE_RESULTS_ROOT_PATH: remote.paths.results,
    LOCAL_ROOT_PATH: local.paths.root,
    LOCAL_TEST_ROOT_PATH: local.paths.group,
    LOCAL_RESULTS_ROOT_PATH: local.paths.results,
    LOCAL_HOST: local.machine.address,
    DPBENCH_LOCAL: local.machine.name,
    DPBENCH_REMOTE: remote.machine.name,
  }
}

export function folderMark({ folder }: PairSide): string {
  return `${folderVariable}=${folder.path}`
}
