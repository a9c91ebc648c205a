/** The shared libraries of the programs that a script requires: a guest has few, and a program of this machine needs its own. */
import { copyFile, mkdir, open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { tryLocally } from '../core/local-command.ts'

/** Beside the script; guest/run.sh uses what the guest does not have itself. */
export const librariesFolder = '.dpbench-lib'

/** The loader of x86-64, by its ABI; `--list` maps a program's libraries and runs nothing of it (ld.so(8)). */
const loader = '/lib64/ld-linux-x86-64.so.2'
/** The C library is the guest's: its parts work with each other and with its loader only. */
const ofTheGuest = /^(?:ld-linux.*|lib(?:c|m|dl|rt|pthread|resolv|util|nss_\w+))\.so/

/** Copies what `program` is linked with into the folder of libraries below `beside`; nothing for what is no such program. */
export async function copyLibraries(program: string, beside: string): Promise<void> {
  if (!(await isElf(program))) return
  const { stdout, exitCode } = await tryLocally([loader, '--list', program]).catch(() => ({
    stdout: '', // a machine of another kind has no such loader
    exitCode: 1,
  }))
  if (exitCode !== 0) return // linked statically, or for another machine
  const folder = join(beside, librariesFolder)
  for (const [, path] of stdout.matchAll(/ => (\/\S+) \(0x/g)) {
    if (ofTheGuest.test(basename(path!))) continue
    await mkdir(folder, { recursive: true })
    await copyFile(path!, join(folder, basename(path!)))
  }
}

async function isElf(path: string): Promise<boolean> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
  return bytesRead === 4 && buffer.toString('latin1') === '\u007fELF'
}
