/** The launchers of guest runs, wired: what they boot is the lab's guest image, and how is what booting it has shown. */
import { dirname, join } from 'node:path'
import { probeAccelerator } from '../lab/accelerator.ts'
import { type BuildOptions, buildGuestImage } from '../lab/image/build.ts'
import { disk } from '../lab/image/recipe.ts'
import type { GuestFiles } from '../src/guest-run/launch/guest-files.ts'
import { qemuLauncher } from '../src/guest-run/launch/qemu.ts'
import type { QemuSettings } from '../src/guest-run/launch/qemu-arguments.ts'
import type { Launcher } from '../src/guest-run/launcher.ts'

/** What guest runs boot, built when the cache does not have it. */
export async function guestFiles(options: BuildOptions): Promise<GuestFiles> {
  const { path } = await buildGuestImage(options)
  return guestFilesOf(path)
}

/** What lies around a built guest image. */
export function guestFilesOf(image: string): GuestFiles {
  const folder = dirname(image)
  return {
    disk: image,
    label: disk.label,
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd.img'),
    init: '/usr/lib/dpbench-guest/guest-run',
  }
}

/** The launcher for this machine, ready to start guests. */
export async function openQemuLauncher(options: BuildOptions & Pick<QemuSettings, 'gdb'>): Promise<Launcher> {
  const { gdb, ...build } = options
  const files = await guestFiles(build)
  const domainType = await probeAccelerator({ image: files.disk, ...build })
  return qemuLauncher({ files, accelerator: domainType === 'kvm' ? 'kvm' : 'tcg', gdb, log: build.log })
}
