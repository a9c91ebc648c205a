/** The kernel's own makefile, called for a folder of its own: the source tree is not written to. */
import { access } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { CommandResult } from '../../core/command-result.ts'
import { ConfigError, UsageError } from '../../core/errors.ts'
import { type LocalCommandOptions, tryLocally } from '../../core/local-command.ts'

export interface KernelTree {
  /** Absolute path of the source tree. */
  readonly source: string
  /** Absolute path of the folder that everything is built into. */
  readonly output: string
}

/** `make …` for the tree, with targets or variables. */
export function makeCommand(tree: KernelTree, targets: readonly string[]): string[] {
  return ['make', '-C', tree.source, `O=${tree.output}`, `-j${availableParallelism()}`, ...targets]
}

/** Ends the group that it leads with whoever holds its standard input: compilers must not outlive a killed dpbench. */
const held =
  'exec 3<&0; "$@" </dev/null 3<&- & made=$!; { read -r _ <&3; kill -KILL 0; } & wait $made; status=$?; kill $!; exit $status'

/** Runs make in the background, so to speak: what else is done on the machine comes first. */
export async function heldMake(
  tree: KernelTree,
  targets: readonly string[],
  options: Omit<LocalCommandOptions, 'input' | 'ownGroup'>,
): Promise<CommandResult> {
  const input = new PassThrough()
  try {
    const argv = ['sh', '-c', held, 'sh', 'nice', '-n', '10', ...makeCommand(tree, targets)]
    return await tryLocally(argv, { ...options, input, ownGroup: true })
  } finally {
    input.destroy()
  }
}

/** Targets that change or show the configuration: menus, `oldconfig` and its kind, fragments such as `kvm_guest.config`. */
const configTarget = /^[\w-]*config$|^[\w-]+\.config$|^help$/

/** @throws UsageError for a target that is none of the configuration's */
export function checkConfigTargets(targets: readonly string[]): void {
  const wrong = targets.filter((target) => !configTarget.test(target))
  if (wrong.length === 0) return
  throw new UsageError(
    `${wrong.join(', ')}: no target of a kernel's configuration; such are menuconfig, nconfig, oldconfig, olddefconfig, defconfig, kvm_guest.config`,
  )
}

/** @throws ConfigError when the folder is no kernel's source tree, or was built in */
export async function checkTree({ source }: KernelTree): Promise<void> {
  const faults: string[] = []
  for (const path of ['Makefile', 'Kconfig', 'arch/x86']) {
    if (!(await exists(join(source, path)))) faults.push(`${join(source, path)} is not there`)
  }
  if (faults.length > 0) {
    throw new ConfigError(`--kernel-source ${source} is no source tree of a Linux kernel`, faults)
  }
  for (const path of ['.config', 'include/config']) {
    if (!(await exists(join(source, path)))) continue
    throw new ConfigError(`${source} was built in, and a kernel that was cannot be built elsewhere`, [
      `${join(source, path)} is there: save what you need of it, and clean the tree by \`make -C ${source} mrproper\``,
    ])
  }
}

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
