/** The guest's initial file system: busybox, a few modules and `files/initramfs/init`. Under 4 MB, so that it is read fast. */
import { readFile, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { DpbenchError } from '../../src/core/errors.ts'
import { type CpioEntry, cpioArchive } from './cpio.ts'
import { earlyModules, labModules } from './recipe.ts'

/** Builds it for the kernel whose modules are in `root`. */
export async function initialRamFileSystem(
  root: string,
  from: { busybox: string; files: string },
): Promise<Buffer> {
  const early = await orderedModules(root, earlyModules)
  const all = await orderedModules(root, [...earlyModules, ...labModules])
  const entries: CpioEntry[] = [
    ...['bin', 'dev', 'proc', 'sys', 'root', 'modules'].map((path) => ({ kind: 'directory', path }) as const),
    { kind: 'character-device', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'file', path: 'bin/busybox', content: await readFile(from.busybox), executable: true },
    { kind: 'file', path: 'init', content: await readFile(join(from.files, 'init')), executable: true },
    listing('modules/early', early),
    listing('modules/all', all),
  ]
  for (const [name, path] of all) {
    entries.push({ kind: 'file', path: `modules/${name}`, content: await readFile(path) })
  }
  return await promisify(gzip)(cpioArchive(entries), { level: 9 })
}

function listing(path: string, modules: readonly (readonly [name: string, path: string])[]): CpioEntry {
  return { kind: 'file', path, content: Buffer.from(modules.map(([name]) => `${name}\n`).join('')) }
}

/** File name and path of each module of `wanted`, each after those that it needs. */
async function orderedModules(
  root: string,
  wanted: readonly string[],
): Promise<[name: string, path: string][]> {
  const folder = join(root, 'usr/lib/modules', (await readdir(join(root, 'usr/lib/modules')))[0] ?? '')
  const dependencies = await readDependencies(folder)
  const ordered = new Set<string>()
  for (const module of wanted) {
    const path = [...dependencies.keys()].find(
      (candidate) => basename(candidate, '.ko').replaceAll('-', '_') === module,
    )
    if (path === undefined) throw new DpbenchError(`the guest's kernel has no module ${module}`)
    // modules.dep names the nearest need first and its own needs after it
    for (const needed of [...(dependencies.get(path) ?? [])].reverse()) ordered.add(needed)
    ordered.add(path)
  }
  return [...ordered].map((path) => [basename(path), join(folder, path)])
}

/** `modules.dep`: module → what it needs, all as paths below the modules folder. */
async function readDependencies(folder: string): Promise<Map<string, string[]>> {
  const lines = (await readFile(join(folder, 'modules.dep'), 'utf8')).split('\n').filter(Boolean)
  return new Map(
    lines.map((line) => {
      const [path = '', needed = ''] = line.split(':')
      return [path, needed.trim().split(' ').filter(Boolean)]
    }),
  )
}
