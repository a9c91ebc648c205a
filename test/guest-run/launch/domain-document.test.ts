import { expect, test } from 'vitest'
import { domainDocument } from '../../../src/guest-run/launch/domain-document.ts'
import { diskName } from '../../../src/guest-run/launch/kernel-arguments.ts'
import type { GuestPlan } from '../../../src/guest-run/launcher.ts'
import { parseXml } from '../../../src/transport/libvirt/documents.ts'
import { tryLocally } from '../../../src/core/local-command.ts'

const plan: GuestPlan = {
  name: 'one-1',
  memoryMiB: 512,
  cpus: 2,
  scratch: [1 << 20],
  kernelArgs: ['quiet', 'a="<b> & c"'],
  network: 'user',
}
const place = {
  domainType: 'qemu',
  files: { disk: '/i/root.qcow2', label: 'r', kernel: '/i/vmlinuz', initrd: '/i/initrd.img', init: '/init' },
  disks: [{ path: '/i/scratch0.img', serial: 'scratch0' }],
  port: 3003,
} as const

test('is valid for libvirt, and has every word of the command line as given', async () => {
  const document = domainDocument(plan, place)
  const checked = await tryLocally(['virt-xml-validate', '-', 'domain'], { input: document })
  expect(checked.exitCode, checked.stderr).toBe(0)
  expect(JSON.stringify(parseXml(document))).toContain('dpbench.server=10.0.2.2:3003 quiet a=\\"<b> & c\\"')
})

test('ends for good when the guest does, and says whose it is', () => {
  const document = domainDocument(plan, place)
  for (const event of ['on_poweroff', 'on_reboot', 'on_crash'])
    expect(document).toContain(`<${event}>destroy</${event}>`)
  expect(document).toContain(
    `<dpbench:guest-run xmlns:dpbench="https://github.com/ironcore-dev/dpbench/guest-run/1" name="one-1"/>`,
  )
})

test('has the scratch disks before the root', () => {
  const names = [...domainDocument(plan, place).matchAll(/<target dev="(\w+)".*\n\s*<serial>(\w+)/g)]
  expect(names.map(([, name, serial]) => [name, serial])).toEqual([
    ['vda', 'scratch0'],
    ['vdb', 'root'],
  ])
})

test('has no NIC without a network', () => {
  expect(domainDocument({ ...plan, network: 'none' }, place)).not.toContain('<interface')
})

test.each([
  [0, 'vda'],
  [25, 'vdz'],
  [26, 'vdaa'],
  [52, 'vdba'],
])('disk %i is %s', (index, name) => {
  expect(diskName(index)).toBe(name)
})
