/** The command line of QEMU for a guest run. Pure. */
import { join } from 'node:path'
import type { GuestPlan } from '../launcher.ts'
import type { GuestFiles } from './guest-files.ts'
import { kernelCommandLine } from './kernel-arguments.ts'

/** How the virtual CPU is made; lab/accelerator.ts finds it out by booting. */
export type Accelerator = 'kvm' | 'tcg'

export const emulator = 'qemu-system-x86_64'

/** In QEMU's user networking the machine's loopback device has this address. */
export const hostAddress = '10.0.2.2'

/** Descriptor on which QEMU speaks its monitor protocol; its standard streams are the guest's serial line. */
export const monitorDescriptor = 3

export interface QemuSettings {
  readonly files: GuestFiles
  readonly accelerator: Accelerator
  /** A socket for gdb below the run's folder; with `wait`, the guest does not begin before gdb says so. */
  readonly gdb?: 'listen' | 'wait' | undefined
  /** Is told where gdb connects to. */
  readonly log?: ((line: string) => void) | undefined
}

export interface QemuPlace {
  readonly folder: string
  readonly port: number
}

/** Paths of the disks that are made for one VM, in the order in which the guest sees them: vda, vdb, …; its root disk comes after them. */
export function madeDisks(
  plan: GuestPlan,
  folder: string,
): { path: string; serial: string; bytes?: number }[] {
  const scratch = plan.scratch.map((bytes, index) => ({
    path: join(folder, `scratch${index}.img`),
    serial: `scratch${index}`,
    bytes,
  }))
  if (plan.kernel?.modules === undefined) return scratch
  return [...scratch, { path: join(folder, 'modules.img'), serial: 'modules' }]
}

/** `qemu-system-x86_64 …`, argument by argument. */
export function qemuArguments(plan: GuestPlan, settings: QemuSettings, place: QemuPlace): string[] {
  const { files, accelerator, gdb } = settings
  const server = plan.network === 'user' ? `${hostAddress}:${place.port}` : undefined
  const kernel = plan.kernel ?? { image: files.kernel, initrd: files.initrd }
  return [
    emulator,
    ['-name', `guest=${plan.name},process=dpbench-guest`],
    ['-machine', 'pc,usb=off,vmport=off', ...accelerated(accelerator)],
    ['-smp', String(plan.cpus), '-m', `${plan.memoryMiB}M`],
    ['-nodefaults', '-no-user-config', '-display', 'none'],
    // a reset ends the VM, whoever asked for it: it is never started a second time
    ['-action', 'reboot=shutdown,shutdown=poweroff,panic=none'],
    ['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ['-chardev', `socket,id=qmp,fd=${monitorDescriptor}`, '-mon', 'chardev=qmp,mode=control'],
    ['-kernel', kernel.image],
    kernel.initrd === undefined ? [] : ['-initrd', kernel.initrd],
    ['-append', kernelCommandLine(plan, files, server)],
    // before the root, so that the first is vda: scripts written for ktest have these names in them
    madeDisks(plan, place.folder).flatMap(({ path, serial }) => disk(serial, path, '')),
    // `snapshot`: what the guest writes goes to a file without a name, which ends with the process
    disk('root', files.disk, 'snapshot=on,'),
    network(plan),
    ['-object', 'rng-random,id=random,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=random'],
    ['-device', 'pvpanic'],
    gdb === undefined
      ? []
      : [
          '-chardev',
          `socket,id=gdb,path=${join(place.folder, 'gdb')},server=on,wait=off`,
          '-gdb',
          'chardev:gdb',
        ],
    gdb === 'wait' ? ['-S'] : [],
  ].flat()
}

/** `max,-cx16`: with cx16, kernels of 2024 and later were seen to corrupt memory under QEMU 7.2's emulation. */
function accelerated(accelerator: Accelerator): string[] {
  return accelerator === 'kvm'
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', 'tcg,thread=multi', '-cpu', 'max,-cx16']
}

function disk(id: string, path: string, more: string): string[] {
  // a comma in a value is written twice
  const file = path.replaceAll(',', ',,')
  return [
    '-drive',
    `file=${file},if=none,id=${id},format=raw,${more}cache=unsafe,discard=unmap`,
    '-device',
    `virtio-blk-pci,drive=${id},serial=${id}`,
  ]
}

function network(plan: GuestPlan): string[] {
  if (plan.network === 'none') return []
  return ['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile=']
}
