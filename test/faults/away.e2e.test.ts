/** A machine that is away while what a killed run left is put back: told, kept in the journal, and put back when it is there again. */
import { describe, expect } from 'vitest'
import { interruptedRun, moments } from '../e2e/support/interrupt.ts'
import { useLab } from '../e2e/support/lab.ts'
import { Project, stackTrace } from '../e2e/support/project.ts'
import { expectAsBefore } from '../e2e/support/snapshot.ts'
import { whyNoLab } from '../lab/support.ts'
import { benchSize, property } from './support/property.ts'

/** How a machine is away, and comes back. */
const absences = {
  'answers nothing': [
    'nft add table inet away && nft "add chain inet away in { type filter hook input priority -300; policy accept; }" && nft add rule inet away in tcp dport 22 drop',
    'nft delete table inet away',
  ],
  'refuses connections': [
    'nft add table inet away && nft "add chain inet away in { type filter hook input priority -300; policy accept; }" && nft add rule inet away in tcp dport 22 reject with tcp reset',
    'nft delete table inet away',
  ],
} as const

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('a machine that is away', () => {
  const lab = useLab({ withoutImage: true })

  property(
    'a machine away during clean-up is told, kept in the journal, and put back when it is there again',
    { counted: 'clean-ups', quick: 0, whole: 8, timeoutMs: 1_800_000 },
    async (tally) => {
      const before = await lab.snapshot()
      for (const machine of ['hypervisor-1', 'hypervisor-2', 'vm1', 'vm3'])
        for (const [how, [leave, comeBack]] of Object.entries(absences))
          await tally.try(`${machine} ${how}`, async () => {
            const project = await Project.create(lab)
            const running = project.start(...interruptedRun)
            await moments.measuring(running)
            running.signalGroup('SIGKILL')
            await running.ended
            const left = (await project.pending()).length
            expect(left).toBeGreaterThan(5)
            await lab.shell(machine, leave)
            const started = performance.now()
            const faults: string[] = []
            try {
              const { status, text } = await project.cleanUp()
              const seconds = (performance.now() - started) / 1000
              expect(text).not.toMatch(stackTrace)
              expect(status, text).toBe(3)
              expect(text).toMatch(new RegExp(`^.*${machine}: .*(no SSH connection|cannot open)`, 'm'))
              if (seconds > 40) faults.push(`clean-up took ${seconds.toFixed(0)} s`)
              const kept = (await project.pending()).length
              if (kept === 0) faults.push('the journal forgot what is left')
              if (kept === left) faults.push('nothing was put back on the machines that are there')
            } finally {
              await lab.shell(machine, comeBack)
            }
            const again = await project.cleanUp()
            expect(again.status, again.text).toBe(0)
            expect(await project.pending(), again.text).toEqual([])
            await expectAsBefore(lab, before)
            return faults
          })
    },
  )
})
