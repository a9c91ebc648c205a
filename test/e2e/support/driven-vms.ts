/**
 * A suite that drives emulated VMs: power, units, links. It reboots none: after a warm reset QEMU's TCG takes four minutes over
 * the kernel's own decompression (seen at its instruction pointer), and `--reboot` of the full path reboots by the same code.
 */
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentFolder } from '../../../src/config/index.ts'

/** Makes `folder` a project with that suite and the repository's vm2vm, in which the environment is as it was provisioned from the repository. */
export async function writeDrivingProject(
  folder: string,
  repository: string,
  environment: string,
): Promise<void> {
  for (const name of ['benchmark', 'node_modules', '.dpbench', `.dpbench/${environment}`])
    await mkdir(join(folder, name))
  await symlink(repository, join(folder, 'node_modules/dpbench'))
  await symlink(join(repository, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }\n')
  await cp(join(repository, 'vitest.config.ts'), join(folder, 'vitest.config.ts'))
  await cp(
    join(environmentFolder(repository, environment), 'working.json'),
    join(environmentFolder(folder, environment), 'working.json'),
  )
  await cp(join(repository, 'benchmark/vm2vm.test.ts'), join(folder, 'benchmark/vm2vm.test.ts'))
  await writeFile(join(folder, 'benchmark/driven.test.ts'), drivenVms)
}

const drivenVms = `
import { describe, expect, test } from 'dpbench'

const ping = 'ping -c 1 -W 2 '

describe('driven', () => {
test('1 units', async ({ vm }) => {
  const { vm1 } = vm
  await vm1.succeed(
    "printf '%s\\\\n' '[Service]' 'Type=oneshot' 'ExecStart=/bin/sh -c \\"echo broken >&2; exit 4\\"' > /run/systemd/system/dpb-fails.service",
    "printf '%s\\\\n' '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' 'ExecStart=/bin/sleep 2' > /run/systemd/system/dpb-slow.service",
    "printf '%s\\\\n' '[Unit]' 'Requires=dpb-slow.service' 'After=dpb-slow.service' '[Service]' 'ExecStart=/bin/sleep 600' > /run/systemd/system/dpb-late.service",
    'systemctl daemon-reload')
  let began = performance.now()
  await expect(vm1.waitForUnit('dpb-late')).rejects.toThrow(/inactive \\(dead\\), and no job is pending/)
  await expect(vm1.waitForUnit('dpb-nothing')).rejects.toThrow(/not-found.* no job is pending/)
  expect((await vm1.systemctl('--no-block start dpb-late')).status).toBe(0)
  // inactive, with its own job waiting for the slow one
  expect(await vm1.getUnitInfo('dpb-late')).toMatchObject({ ActiveState: 'inactive', Job: expect.stringMatching(/^[1-9]/) })
  await vm1.waitForUnit('dpb-late')
  await vm1.requireUnitState('dpb-late')
  await expect(vm1.requireUnitState('dpb-late', 'inactive')).rejects.toThrow(/vm1: the unit dpb-late was to be inactive and is active \\(running\\)/)
  await vm1.stopUnit('dpb-late')
  await vm1.requireUnitState('dpb-late', 'inactive')
  await expect(vm1.startUnit('dpb-fails')).rejects.toThrow(/vm1: systemctl start dpb-fails failed with status 1: Job for dpb-fails.service failed/)
  began = performance.now()
  await expect(vm1.waitForUnit('dpb-fails')).rejects.toThrow(/it is failed \\(failed\\), its result is exit-code/)
  expect(performance.now() - began).toBeLessThan(20000)
})

test('2 a link that is away', async ({ vm, dataplane }) => {
  const { vm1, vm3 } = vm
  await dataplane.route(vm1, vm3)
  const to = vm3.overlayAddress('ipv4')
  await vm1.waitUntilSucceeds(ping + to)
  await vm3.block()
  await vm3.block()
  await vm1.fail(ping + to)
  await vm3.succeed('true')
  // its client hangs, so no carrier makes it ask: it is restarted, and gives no default route back to the management NIC
  await vm3.succeed('systemctl kill --signal STOP systemd-networkd', 'ip address flush dev eth1 scope global')
  await vm3.unblock()
  await vm1.waitUntilSucceeds(ping + to)
  expect(await vm3.succeed('ip -4 route show default')).toMatch(/^default via 169\\.254\\.0\\.1 dev eth\\d .*\\n$/)
  await vm3.block()
})

test('3 power', async ({ vm, dataplane }) => {
  const { vm1, vm3 } = vm
  await dataplane.route(vm1, vm3)
  // the link is back with this test
  await vm1.waitUntilSucceeds(ping + vm3.overlayAddress('ipv4'))
  const bootId = 'cat /proc/sys/kernel/random/boot_id'
  const before = await vm3.succeed(bootId)
  await vm3.crash()
  await vm3.crash()
  await expect(vm3.succeed('true')).rejects.toThrow('vm3 is shut off; vm3.start() switches it on')
  await vm3.start()
  await vm3.start()
  expect(await vm3.succeed(bootId)).not.toBe(before)
  // ready for traffic again
  await vm1.waitUntilSucceeds(ping + vm3.overlayAddress('ipv4'))
  await vm3.shutdown()
  await vm3.shutdown()
  expect(await vm3.hypervisor.succeed('virsh -c qemu:///system list --name')).not.toContain('vm3')
})
test('4 a machine that was left off is on with the next test', async ({ vm, dataplane }) => {
  await dataplane.route(vm.vm3, vm.vm1)
  await vm.vm3.waitUntilSucceeds(ping + vm.vm1.overlayAddress('ipv4'))
})
})
`
