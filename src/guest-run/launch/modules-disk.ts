/** A kernel's modules as a disk: the guest's first program mounts it at /lib/modules. */
import { join } from 'node:path'
import { runLocally } from '../../core/local-command.ts'

/** Makes the file system `path` from `folder`/lib/modules, as large as they are and a little larger. @throws CommandError */
export async function makeModulesDisk(path: string, folder: string, signal: AbortSignal): Promise<void> {
  const modules = join(folder, 'lib/modules')
  const { stdout } = await runLocally(['du', '--summarize', '--block-size=1M', modules], { signal })
  const mebibytes = Math.ceil(Number.parseInt(stdout, 10) * 1.2) + 16
  await runLocally(['mke2fs', '-q', '-t', 'ext4', '-d', modules, path, `${mebibytes}M`], { signal })
}
