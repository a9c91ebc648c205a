/** The watchdog in a run: a namespace guest is given a console, by a libvirt domain of its name that is never started. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { tinyDomainXml } from '../machine/support/boot-sector.ts'
import { useLab } from './support/lab.ts'
import { Project } from './support/project.ts'

const folder = '/var/lib/libvirt/images'
const [consoleLog, disk] = [`${folder}/watched.log`, `${folder}/watched.img`]
const panic = '[    1.5] Kernel panic - not syncing: on purpose'

const suite = `
import { expect, test } from 'dpbench'
const dies = (hypervisor) => hypervisor['hypervisor-1'].succeed("echo '${panic}' >> ${consoleLog}")

test('1 it dies', async ({ hypervisor }) => {
  await dies(hypervisor)
})
test('2 it dies, and that is meant', async ({ hypervisor, vm }) => {
  await dies(hypervisor)
  expect(await vm.vm1.takeKernelTrouble()).toEqual([{ kind: 'panic', lines: ['${panic}'] }])
})
test('3 it dies while something is waited for', async ({ hypervisor, vm }) => {
  const waiting = vm.vm1.waitForFile('/nowhere', { timeoutMs: 20_000 })
  await Promise.all([dies(hypervisor), expect(waiting).rejects.toThrow(/^vm1: its kernel reports trouble \\(panic\\)/)])
})
`

describe.skipIf(whyNoLab.length > 0)('a kernel in trouble', { timeout: 360_000 }, () => {
  const lab = useLab()

  test('fails the test that runs, once, unless the test takes it', async () => {
    const document = tinyDomainXml({
      name: 'vm1',
      disk,
      consoleLog,
      hostKey: 'ssh-ed25519 AAAA',
      video: false,
    })
    const xml = Buffer.from(document).toString('base64')
    await lab.shell(
      'hypervisor-1',
      `echo ${xml} | base64 -d > ${folder}/watched.xml && virsh define ${folder}/watched.xml && echo '${panic}, long ago' > ${consoleLog}`,
    )
    onTestFinished(async () => {
      await lab.shell('hypervisor-1', `virsh undefine vm1; rm -f ${folder}/watched.*`)
    })
    const project = await Project.create(lab, { suites: { 'watchdog.test.ts': suite } })
    const { text } = await project.run('--mode', 'offload')
    const states = (await project.record()).tests.map(({ result }) => result.state)
    expect(states, text).toEqual(['error', 'passed', 'passed'])
    expect(text).toContain(`vm1: its kernel reports trouble (panic):\n  ${panic}`)
    expect(text).not.toContain('long ago')
  })
})
