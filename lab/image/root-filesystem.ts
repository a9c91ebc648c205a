/** The guest's root file system as a folder: Debian packages, the kernel, our files, and nothing of the building machine. */
import { chmod, cp, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type LocalCommandOptions, runLocally } from '../../src/core/local-command.ts'
import { initialRamFileSystem } from './initramfs.ts'
import { transportOptions } from './mirror.ts'
import type { PackageIndex } from './package-index.ts'
import {
  enabledUnits,
  excludedPaths,
  filePackages,
  keptModules,
  maskedGenerators,
  maskedUnits,
  packages,
  release,
  removedPaths,
} from './recipe.ts'
import { runInSandbox } from './sandbox.ts'

const files = join(import.meta.dirname, 'files')

/** What a guest run's guest does, whatever started it. */
export const guestService = join(import.meta.dirname, '../../src/guest-run/guest/service.sh')

/** Fills the folder `root`, which is not there yet. `scratch` is for what is not needed afterwards. */
export async function makeRootFileSystem(
  root: string,
  options: {
    scratch: string
    index: PackageIndex
    sources: readonly string[]
    log: (line: string) => void
    command: LocalCommandOptions
  },
): Promise<void> {
  const { scratch, index, sources, log, command } = options
  log(`installing Debian ${release} (${packages.length} packages and what they need)`)
  await bootstrap(root, sources, command)
  log('adding the kernel, Ignition and the initial file system')
  const unpacked = await unpackSingles(scratch, index, command)
  await installKernel(root, unpacked, command)
  const guestFolder = join(root, 'usr/lib/dpbench-guest')
  await cp(join(files, 'root'), root, { recursive: true })
  await cp(join(unpacked, filePackages.ignition.path), join(guestFolder, 'ignition'))
  await cp(guestService, join(guestFolder, 'service.sh'))
  const initramfs = await initialRamFileSystem(root, {
    busybox: join(unpacked, filePackages.busybox.path),
    files: join(files, 'initramfs'),
  })
  await writeFile(join(root, 'boot/initrd.img'), initramfs)
  await configure(root)
}

async function bootstrap(
  root: string,
  sources: readonly string[],
  command: LocalCommandOptions,
): Promise<void> {
  const apt = await transportOptions(command.signal)
  await runInSandbox(
    [
      'mmdebstrap',
      '--quiet',
      '--mode=root',
      '--variant=essential',
      '--format=directory',
      `--include=${packages.join(',')}`,
      ...excludedPaths.map((path) => `--dpkgopt=path-exclude=${path}`),
      '--dpkgopt=path-include=/usr/share/doc/*/copyright',
      ...apt.map((option) => `--aptopt=${option}`),
      release,
      root,
      ...sources,
    ],
    { ...command, timeoutMs: 900_000 },
  )
}

async function unpackSingles(
  scratch: string,
  index: PackageIndex,
  command: LocalCommandOptions,
): Promise<string> {
  const downloads = join(scratch, 'packages')
  const unpacked = join(scratch, 'unpacked')
  await mkdir(downloads, { recursive: true })
  await index.download(downloads)
  for (const file of await readdir(downloads)) {
    await runLocally(['dpkg-deb', '--extract', join(downloads, file), unpacked], command)
  }
  return unpacked
}

/** The kernel with the modules that a virtual machine can use. */
async function installKernel(root: string, unpacked: string, command: LocalCommandOptions): Promise<void> {
  const [version] = await readdir(join(unpacked, 'lib/modules'))
  if (version === undefined) throw new Error(`no kernel modules below ${unpacked}`)
  await rename(join(unpacked, `boot/vmlinuz-${version}`), join(root, 'boot/vmlinuz'))
  const from = join(unpacked, 'lib/modules', version)
  const to = join(root, 'usr/lib/modules', version)
  for (const path of await readdir(from, { recursive: true })) {
    const module = path.startsWith('kernel/') ? path.slice('kernel/'.length) : undefined
    const kept =
      module === undefined ? /^modules\.[a-z.]+$/.test(path) : module.endsWith('.ko') && isKept(module)
    if (!kept) continue
    await mkdir(dirname(join(to, path)), { recursive: true })
    await rename(join(from, path), join(to, path))
  }
  await runLocally(['chroot', root, 'depmod', version], command)
}

function isKept(module: string): boolean {
  return keptModules.some((kept) => (typeof kept === 'string' ? module.startsWith(kept) : kept.test(module)))
}

async function configure(root: string): Promise<void> {
  for (const path of removedPaths) await rm(join(root, path), { recursive: true, force: true })
  for (const key of await readdir(join(root, 'etc/ssh'))) {
    if (key.startsWith('ssh_host_')) await rm(join(root, 'etc/ssh', key))
  }
  await rm(join(root, 'etc/systemd/system/sshd.service'), { force: true }) // an alias of Debian's unit
  await writeFile(join(root, 'etc/machine-id'), '') // systemd gives each guest its own
  await writeFile(join(root, 'etc/hostname'), 'dpbench-guest\n')
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost ip6-localhost\n')
  await writeFile(join(root, 'etc/resolv.conf'), '')
  await writeFile(join(root, 'etc/fstab'), '# the root file system is mounted by the initial one\n')
  for (const unit of maskedUnits) await link('/dev/null', join(root, 'etc/systemd/system', unit))
  for (const name of maskedGenerators)
    await link('/dev/null', join(root, 'etc/systemd/system-generators', name))
  for (const [name, unit] of Object.entries(enabledUnits)) {
    await link(unit, join(root, 'etc/systemd/system', name))
  }
  await chmod(join(root, 'root'), 0o700)
}

async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await rm(path, { force: true })
  await symlink(target, path)
}
