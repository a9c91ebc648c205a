/** Runs that are interrupted, at the moments where there is most to put back. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { waitFor } from '../../src/core/wait.ts'
import { whyNoLab } from '../lab/support.ts'
import { onlyRecording } from './support/flight.ts'
import { useLab } from './support/lab.ts'
import { Project, type Running, stackTrace } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

const run = ['--mode', 'offload', '-t', 'between hypervisors'] as const
const nextRun = ['--mode', 'offload', '--verdict', 'mean', '-t', 'IPv4 on one hypervisor'] as const

const moments = {
  connecting: (running: Running) => running.shows(/▶ offload/),
  deploying: (running: Running) => running.shows(/dpservice \(offload\) from/),
  'preparing guests': (running: Running) => running.shows(/asking for their leases/),
  measuring: (running: Running) => running.shows(/repetition 1 /),
} as const

/** The worker that holds the machines, as its lease says. */
async function holderOf(project: Project): Promise<number> {
  const lease = await readFile(join(project.folder, '.dpbench/env/lease.json'), 'utf8')
  return (JSON.parse(lease) as { pid: number }).pid
}

describe.skipIf(whyNoLab.length > 0)('a run that is interrupted', { timeout: 90_000 }, () => {
  const lab = useLab({ withoutImage: true })

  const expectPutBack = async (project: Project, running: Running, status: number): Promise<void> => {
    const ended = await running.ended
    expect(ended.status, ended.text).toBe(status)
    expect(ended.text).not.toMatch(stackTrace)
    expect(ended.text).not.toMatch(/PASS|FAIL:/)
    expect(await project.pending()).toEqual([])
  }

  test.each([
    ['SIGINT', 'connecting', 130],
    ['SIGTERM', 'preparing guests', 143],
    ['SIGTERM', 'measuring', 143],
  ] as const)('%s to the main process while %s', async (signal, moment, status) => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const running = project.start(...run)
    await moments[moment](running)
    running.child.kill(signal)
    await expectPutBack(project, running, status)
    await expectAsBefore(lab, before)
  })

  test.each(['deploying', 'measuring'] as const)(
    'Ctrl-C, to the whole process group, while %s; the next run works',
    async (moment) => {
      const project = await Project.create(lab)
      const before = await lab.snapshot()
      const running = project.start(...run)
      await moments[moment](running)
      running.signalGroup('SIGINT')
      await expectPutBack(project, running, 130)
      await expectAsBefore(lab, before)
      if (moment !== 'measuring') return
      expect((await project.record()).interruptedBy).toBe('SIGINT')
      const { index, source } = await onlyRecording(project)
      expect(index).toMatchObject({ occasion: 'the run was interrupted', limitMs: 5000 })
      expect(source('vm1', 'routes').bytes).toBeGreaterThan(0)
      const next = await project.run(...nextRun)
      expect(next.status, next.text).toBe(0)
    },
  )

  test.each([50, 400, 700, 1000, 1400, 1800])('a signal %i ms after its start', async (afterMs) => {
    const project = await Project.create(lab)
    const running = project.start(...run)
    await delay(afterMs)
    running.child.kill('SIGINT')
    const { status, text } = await running.ended
    // until its handlers are there the signal itself ends it: a shell says 130 for that, too
    expect([130, 'SIGINT'], text).toContain(status)
    expect(text).not.toMatch(stackTrace)
    expect(await project.pending()).toEqual([])
  })

  test('while it puts things back: it goes on with that, and the exit code tells of the signal', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const running = project.start(...nextRun)
    await running.shows(/^ {2}(PASS|INVALID): /m)
    await waitFor(
      async () => {
        const count = await lab.shell('hypervisor-1', 'docker ps -q --filter name=dpservice | wc -l')
        return count.trim() === '0' ? { state: 'ready', value: undefined } : { state: 'pending' }
      },
      { what: 'the clean-up to be under way', timeoutMs: 30_000, intervalMs: 5, maxIntervalMs: 10 },
    )
    running.signalGroup('SIGINT')
    const { status, text } = await running.ended
    expect(status, text).toBe(130)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('SIGKILL to main process and worker: the next run puts back what they left, then works', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const running = project.start(...run)
    await moments.measuring(running)
    running.signalGroup('SIGKILL')
    await running.ended
    const left = (await project.pending()).join('\n')
    for (const what of ['container', 'image', 'route', 'lease of eth1', 'processes'])
      expect(left).toContain(what)
    expect(await lab.shell('hypervisor-1', 'docker ps --format "{{.Names}}"')).toContain(
      'dpservice_hypervisor-1',
    )
    const next = await project.run(...nextRun)
    expect(next.text).toContain('putting back what an earlier run left')
    expect(next.status, next.text).toBe(0)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('SIGKILL to the main process alone: the worker does not stay behind', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const running = project.start(...run)
    await moments.measuring(running)
    const worker = await holderOf(project)
    running.child.kill('SIGKILL')
    await running.ended
    await waitFor(
      async () => {
        const alive = await readFile(`/proc/${worker}/stat`, 'utf8').catch(() => undefined)
        return alive === undefined || / Z /.test(alive)
          ? { state: 'ready', value: undefined }
          : { state: 'pending', seen: alive }
      },
      { what: 'the worker to end', timeoutMs: 30_000 },
    )
    // puts back what is left before it fails for want of its image
    const next = await project.run(
      '--mode',
      'offload',
      '--docker-image',
      `${lab.description.registry}/no:image`,
    )
    expect(next.status, next.text).toBe(3)
    expect(next.text).toContain('cannot pull')
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })
})
