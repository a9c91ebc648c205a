/** The kernel's command line of a guest run, the same for every launcher. */
import type { GuestPlan } from '../launcher.ts'
import type { GuestFiles } from './guest-files.ts'

/**
 * What is always said. `panic=-1` resets at once, and no launcher starts a guest a second time; `loglevel=5` keeps
 * warnings, errors, oopses and panics on the console and leaves out what an emulated serial line takes seconds to print;
 * `printk.time=1` has the kernel's lines told from the script's; `mitigations=off` and `nokaslr` save emulated work, and the second makes addresses those of the `vmlinux`.
 */
const always = [
  'rw',
  'console=ttyS0,115200',
  'panic=-1',
  'oops=panic',
  'loglevel=5',
  'printk.time=1',
  'mitigations=off',
  'nokaslr',
  'random.trust_cpu=on',
  'net.ifnames=0',
  'selinux=0',
  'apparmor=0',
  'audit=0',
] as const

/**
 * The arguments in the kernel's order, the plan's own last: of two that contradict each other the kernel takes the later.
 * `server` is the address and port at which the guest reaches the run's files.
 */
export function kernelCommandLine(plan: GuestPlan, files: GuestFiles, server: string | undefined): string {
  return [
    // an initial file system can look for a label; a kernel without one knows devices only
    `root=${plan.kernel && !plan.kernel.initrd ? `/dev/${rootDisk(plan)}1` : `LABEL=${files.label}`}`,
    ...(plan.kernel && !plan.kernel.initrd ? ['rootfstype=ext4'] : []),
    `init=${files.init}`,
    ...always,
    `dpbench.hostname=${plan.name}`,
    ...(server === undefined ? [] : [`dpbench.server=${server}`]),
    ...plan.kernelArgs,
  ].join(' ')
}

/** The root's disk comes after those that are made for the run (qemu-arguments.ts). */
function rootDisk(plan: GuestPlan): string {
  return diskName(plan.scratch.length + (plan.kernel?.modules === undefined ? 0 : 1))
}

/** What Linux calls the virtio disk of this number: `vda` for 0; `vdaa` comes after `vdz`. */
export function diskName(index: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  const last = letters[index % 26]!
  return index < 26 ? `vd${last}` : `vd${letters[Math.floor(index / 26) - 1]}${last}`
}
