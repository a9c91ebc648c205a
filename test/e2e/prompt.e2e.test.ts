/** `dpbench repl` on what a run with --keep-on-failure has left: a test's fixtures, and what was made with them put back. */
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { AtKeyboard } from './support/at-keyboard.ts'
import { useLab } from './support/lab.ts'
import { Project, shortMeasurement, windowTaken } from './support/project.ts'

const suite = `
import { test } from 'dpbench'
test('kept', async ({ vm, dataplane }) => {
  await dataplane.route(vm.vm1, vm.vm3)
  throw new Error('on purpose')
})
`
const route = 'await dataplane.route(vm.vm2, vm.vm3)'
const flow = 'await traffic.iperf3({ from: vm.vm3, to: vm.vm1, family: "ipv4" })'

describe.skipIf(whyNoLab.length > 0)('the prompt with fixtures', { timeout: 480_000 }, () => {
  const lab = useLab()

  test('says what is missing, uses what is there, and leaves it as it was', async () => {
    const project = await Project.create(lab, {
      suites: { 'kept.test.ts': suite },
      edit: (config) => {
        config.measurement = { ...shortMeasurement, warm_up_seconds: 0, warm_down_seconds: 0 }
      },
    })
    const argv = ['repl', '--env-config-file', project.configFile]
    const without = await new AtKeyboard(argv, project.folder, false).given(flow)
    expect(without.status, without.text).toBe(1)
    expect(without.text).toMatch(/^MeasurementError: no data plane is deployed \(.*--keep-on-failure.*$/m)

    expect((await project.run('--mode', 'offload', '--keep-on-failure')).status).toBe(3)
    const kept = await project.pending()
    expect(kept).toContain('route 10.200.2.4/32 (VNI 100) on hypervisor-1')

    const prompt = new AtKeyboard(argv, project.folder, true)
    await prompt.says(/traffic, dataplane, .*vm1[^]*The data plane is that of the run .*, offload\./)
    prompt.press(`${route}; await vm.vm1.block(); "blocked"\r`)
    await prompt.says(/'blocked'/)
    const made = (await project.pending()).filter((what) => !kept.includes(what))
    expect(made.sort()).toEqual([
      'route 10.200.1.5/32 (VNI 100) on hypervisor-2',
      expect.stringMatching(/^route 2001:.*::5\/128 \(VNI 100\) on hypervisor-2$/),
      'vm1: the link of its data NIC',
    ])
    prompt.press('await vm.vm1.unblock(); "there"\r')
    await prompt.says(/'there'/)
    for (let tries = 1, seen = 0; tries < 4; tries++, seen = prompt.text.length) {
      prompt.press(`(${flow}).samples.map(({ state }) => state).join()\r`)
      await prompt.says(/repetition \d \(2 to 5\): .*Gbit\/s[^]*('measured,measured'|no valid figure.*\n)/)
      if (!windowTaken.test(prompt.text.slice(seen))) break
    }
    expect(prompt.text).toContain("'measured,measured'")
    prompt.press('await vm.vm1.block(); await vm.vm1.sleep(60000)\r')
    await prompt.says(/sleep\(60000\)\n/)
    await lab.shell('hypervisor-1', 'until ip link show master br-vm1 | grep -q DOWN; do sleep 0.1; done')
    prompt.press('\u0003')
    await prompt.says(/interrupted/)
    process.kill(await child(prompt.child.pid!), 'SIGHUP')
    expect(await prompt.status).toBe(129)
    expect(await project.pending()).toEqual(kept)

    const text = await lab.shell(
      'hypervisor-1',
      'docker exec dpservice_hypervisor-1 dpservice-cli list routes --vni=100',
    )
    expect(text).toContain('10.200.2.4/32')
    const cleaned = await project.cleanUp()
    expect(cleaned.status, cleaned.text).toBe(0)
    expect(await project.pending()).toEqual([])
  })
})

/** dpbench below `script` and its shell. */
async function child(pid: number): Promise<number> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8')
  if (/^[^\0]*node\0/.test(command)) return pid
  const [first] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ')
  return child(Number(first))
}
