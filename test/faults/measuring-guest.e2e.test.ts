/** A guest crashes, and one reboots, while it is measured: emulated VMs, whose power is the hypervisor's to take. */
import { describe, expect } from 'vitest'
import { buildGuestImage } from '../../lab/image/build.ts'
import { waitFor } from '../../src/core/wait.ts'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import { dpbenchBin, Project, stackTrace } from '../e2e/support/project.ts'
import { longWindow, oneScenario } from './support/measuring.ts'
import { benchSize, property } from './support/property.ts'

/** Of a data NIC in the window of a measurement, far above what its neighbours ask it. */
const windowBytes = 2_000_000
/** Seconds of traffic without a pause: the warm-up, and a part of the window. */
const beyondWarmUp = 3

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('a guest', () => {
  const lab = useLab({ guests: 'qemu' })

  const faults = [
    ['vm1 crashes', 'virsh destroy vm1', /vm1 was switched off while it was measured/],
    ['vm1 reboots', 'virsh destroy vm1 && virsh start vm1', /vm1 rebooted while it was measured/],
  ] as const

  /** By the guest itself, of which the times of flows are taken, and of the other end. */
  const clocks = [
    ['vm3', '1 hour'],
    ['vm1', '-1 hour'],
  ] as const

  /** On all ports of the VM's bridge: the bridge itself counts only what it is sent to itself. */
  async function received(): Promise<number> {
    const ports =
      'for port in $(ls /sys/class/net/br-vm1/brif); do cat "/sys/class/net/$port/statistics/rx_bytes"; done'
    const counts = await lab.shell('hypervisor-1', ports)
    return counts.split('\n').reduce((sum, count) => sum + Number(count), 0)
  }

  async function windowOpen(failed: () => string | undefined): Promise<void> {
    let last = await received()
    let seconds = 0
    await waitFor(
      async () => {
        const reason = failed()
        if (reason !== undefined) return { state: 'failed', reason }
        const now = await received()
        const moved = now - last
        last = now
        seconds = moved > windowBytes ? seconds + 0.5 : 0
        return seconds >= beyondWarmUp
          ? { state: 'ready', value: undefined }
          : { state: 'pending', seen: `${moved} bytes` }
      },
      { what: 'the measured window', timeoutMs: 240_000, intervalMs: 500, maxIntervalMs: 500 },
    )
  }

  property(
    'a guest that crashes or reboots while it is measured is told with its name, one whose clock jumps changes nothing',
    { counted: 'faults', quick: 0, whole: faults.length + 1, timeoutMs: 1_800_000 },
    async (tally) => {
      const { path } = await buildGuestImage({ log: () => undefined })
      const project = await Project.create(lab, { edit: longWindow })
      const provision = (...argv: string[]): ReturnType<Project['run']> =>
        project.startNode([dpbenchBin, 'provision', '--env-config-file', project.configFile, ...argv]).ended
      const provisioned = await provision('--disk-template', path)
      expect(provisioned.status, provisioned.text).toBe(0)
      for (const [what, command, says] of faults)
        await tally.try(what, async () => {
          const running = project.start(...oneScenario)
          await windowOpen(() => (running.child.exitCode === null ? undefined : running.text))
          await lab.shell('hypervisor-1', command)
          const { status, text } = await running.ended
          if (process.env['DPBENCH_FAULTS_SHOW']) process.stderr.write(`\n======== ${status}\n${text}\n`)
          expect(text).toMatch(says)
          expect(text).not.toMatch(stackTrace)
          expect(text).not.toMatch(/PASS/)
          expect(status, text).toBe(3)
          const again = await provision('--disk-template', path) // starts what is off
          expect(again.status, again.text).toBe(0)
          return []
        })
      await tally.try('the clocks of both guests jump, apart', async () => {
        const running = project.start(...oneScenario)
        await windowOpen(() => (running.child.exitCode === null ? undefined : running.text))
        for (const [vm, by] of clocks) {
          const set = await project.startNode([
            dpbenchBin,
            'ssh',
            '--env-config-file',
            project.configFile,
            vm,
            '--',
            `date -s '${by}'`,
          ]).ended
          expect(set.status, set.text).toBe(0)
        }
        const { status, text } = await running.ended
        if (process.env['DPBENCH_FAULTS_SHOW']) process.stderr.write(`\n======== ${status}\n${text}\n`)
        expect(text).toMatch(/PASS/)
        expect(status, text).toBe(0)
        return []
      })
      const { status, text } = await project.run(...oneScenario)
      expect(status, text).toBe(0)
      const cleaned = await project.cleanUp()
      expect(cleaned.status, cleaned.text).toBe(0)
      expect(await project.pending()).toEqual([])
    },
  )
})
