/** A guest crashes, and one reboots, while it is measured: emulated VMs, whose power is the hypervisor's to take. */
import { setTimeout as delay } from 'node:timers/promises'
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

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('a guest', () => {
  const lab = useLab({ guests: 'qemu' })

  const faults = [
    ['crashes', 'virsh destroy vm1', /vm1 was switched off while it was measured/],
    ['reboots', 'virsh destroy vm1 && virsh start vm1', /vm1 rebooted while it was measured/],
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
    await waitFor(
      async () => {
        const reason = failed()
        if (reason !== undefined) return { state: 'failed', reason }
        const now = await received()
        const moved = now - last
        last = now
        return moved > windowBytes
          ? { state: 'ready', value: undefined }
          : { state: 'pending', seen: `${moved} bytes` }
      },
      { what: 'the measured window', timeoutMs: 240_000, intervalMs: 500, maxIntervalMs: 500 },
    )
    await delay(2500) // beyond the warm-up, and a good part of the window
  }

  property(
    'a guest that crashes or reboots while it is measured: INVALID with its name, and found ready by the next run',
    { counted: 'faults', quick: 0, whole: faults.length, timeoutMs: 1_800_000 },
    async (tally) => {
      const { path } = await buildGuestImage({ log: () => undefined })
      const project = await Project.create(lab, { edit: longWindow })
      const provision = (...argv: string[]): ReturnType<Project['run']> =>
        project.startNode([dpbenchBin, 'provision', '--env-config-file', project.configFile, ...argv]).ended
      const provisioned = await provision('--disk-template', path)
      expect(provisioned.status, provisioned.text).toBe(0)
      for (const [what, command, says] of faults)
        await tally.try(`vm1 ${what}`, async () => {
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
      const { status, text } = await project.run(...oneScenario)
      expect(status, text).toBe(0)
      const cleaned = await project.cleanUp()
      expect(cleaned.status, cleaned.text).toBe(0)
      expect(await project.pending()).toEqual([])
    },
  )
})
