import { describe, expect, test } from 'vitest'
import type { GuestFiles } from '../../../src/guest-run/launch/guest-files.ts'
import { qemuArguments } from '../../../src/guest-run/launch/qemu-arguments.ts'
import type { GuestPlan } from '../../../src/guest-run/launcher.ts'

const files: GuestFiles = {
  disk: '/cache/guest, one.img',
  label: 'dpbench-root',
  kernel: '/cache/vmlinuz',
  initrd: '/cache/initrd.img',
  init: '/usr/lib/dpbench-guest/guest-run',
}
const plan: GuestPlan = {
  name: 'mkfs-1',
  memoryMiB: 256,
  cpus: 2,
  scratch: [1 << 20, 2 << 20],
  kernelArgs: ['loglevel=7', 'slub_debug=FZ'],
  network: 'user',
}
const place = { folder: '/run/one', port: 3004 }

function argv(
  more: Partial<GuestPlan> = {},
  accelerator: 'kvm' | 'tcg' = 'tcg',
  gdb?: 'listen' | 'wait',
): string[] {
  return qemuArguments({ ...plan, ...more }, { files, accelerator, gdb }, place)
}

/** The values of an option, which may be given several times. */
function values(args: readonly string[], option: string): string[] {
  return args.flatMap((arg, index) => (arg === option ? [args[index + 1] ?? ''] : []))
}

function kernelArguments(args: readonly string[]): string[] {
  return (values(args, '-append')[0] ?? '').split(' ')
}

describe('the command line of QEMU', () => {
  test('has the memory and the CPUs of the plan', () => {
    expect(values(argv(), '-m')).toEqual(['256M'])
    expect(values(argv(), '-smp')).toEqual(['2'])
  })

  test('has the scratch disks in their order, known by serial numbers, and the root disk after them', () => {
    const disks = values(argv(), '-device').filter((device) => device.startsWith('virtio-blk'))
    expect(disks).toEqual([
      'virtio-blk-pci,drive=scratch0,serial=scratch0',
      'virtio-blk-pci,drive=scratch1,serial=scratch1',
      'virtio-blk-pci,drive=root,serial=root',
    ])
    expect(values(argv(), '-drive')[0]).toContain('file=/run/one/scratch0.img,')
  })

  test('writes nothing to the image, and a comma in its path is no option', () => {
    expect(values(argv(), '-drive')[2]).toBe(
      'file=/cache/guest,, one.img,if=none,id=root,format=raw,snapshot=on,cache=unsafe,discard=unmap',
    )
  })

  test('tells the guest where the files are, and has the own arguments of the plan last', () => {
    const args = kernelArguments(argv())
    expect(args).toContain('dpbench.server=10.0.2.2:3004')
    expect(args).toContain('root=LABEL=dpbench-root')
    expect(args).toContain('panic=-1')
    expect(args.slice(-2)).toEqual(['loglevel=7', 'slub_debug=FZ'])
  })

  test('has no NIC and names no server where there is no network', () => {
    const args = argv({ network: 'none' })
    expect(args.join(' ')).not.toContain('virtio-net')
    expect(args.join(' ')).not.toContain('dpbench.server')
  })

  test('a kernel without an initrd finds the root by its device', () => {
    const args = argv({ kernel: { image: '/k/bzImage' } })
    expect(values(args, '-kernel')).toEqual(['/k/bzImage'])
    expect(args).not.toContain('-initrd')
    expect(kernelArguments(args)).toContain('root=/dev/vdc1')
  })

  test("a kernel's own initrd and modules come along", () => {
    const args = argv({ kernel: { image: '/k/bzImage', initrd: '/k/initrd', modules: '/k/modules' } })
    expect(values(args, '-initrd')).toEqual(['/k/initrd'])
    expect(kernelArguments(args)).toContain('root=LABEL=dpbench-root')
    expect(values(args, '-device')).toContain('virtio-blk-pci,drive=modules,serial=modules')
  })

  test.each([
    ['kvm', ['kvm'], ['host']],
    ['tcg', ['tcg,thread=multi'], ['max,-cx16']],
  ] as const)('%s', (accelerator, accel, cpu) => {
    expect(values(argv({}, accelerator), '-accel')).toEqual(accel)
    expect(values(argv({}, accelerator), '-cpu')).toEqual(cpu)
  })

  test('gdb gets a socket, and the guest waits for it where it is to', () => {
    expect(argv()).not.toContain('-gdb')
    expect(values(argv({}, 'tcg', 'listen'), '-chardev')).toContain(
      'socket,id=gdb,path=/run/one/gdb,server=on,wait=off',
    )
    expect(argv({}, 'tcg', 'listen')).not.toContain('-S')
    expect(argv({}, 'tcg', 'wait')).toContain('-S')
  })
})
