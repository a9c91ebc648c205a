/** The kernel's own makefile, called for a folder of its own: the source tree is not written to. */
import { access } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ConfigError, UsageError } from '../../core/errors.ts'

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
