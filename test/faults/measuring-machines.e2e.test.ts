/** What a machine runs out of while it is measured, and what a command does to the controller: disks, output, signals. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import { emptyFolder, fillFolder } from './support/host-faults.ts'
import { type FaultWhileMeasuring, faultWhileMeasuring } from './support/measuring.ts'
import { benchSize, property } from './support/property.ts'

/** A file system of its own in a folder of the project, big enough for a run, until it is filled. */
function mountOwnDisk(path: string): void {
  mkdirSync(path, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'dpbench-test', path])
  onTestFinished(() => void execFileSync('umount', [path]))
}

function fill(path: string): void {
  const { bavail, bsize } = statfsSync(path)
  writeFileSync(join(path, 'fill'), Buffer.alloc(bavail * bsize))
}

/** Filled to its last byte when the window is open. */
function fullController(folder: string): Pick<FaultWhileMeasuring, 'prepare' | 'plant'> {
  return {
    prepare: async (project) => mountOwnDisk(join(project.folder, folder)),
    plant: async ({ project }) => fill(join(project.folder, folder)),
  }
}

const suite = (body: string): Readonly<Record<string, string>> => ({
  'own.test.ts': `
import { expect, test } from 'dpbench'
test('it', async ({ vm, dataplane }) => {
  await dataplane.route(vm.vm1, vm.vm3)
  ${body}
})`,
})

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('a machine', () => {
  const lab = useLab()

  const faults: readonly (FaultWhileMeasuring & { readonly what: string })[] = [
    {
      what: 'the disk of the guest vm3 is full',
      plant: () => fillFolder(lab, 'vm3', '/tmp'),
      mend: () => emptyFolder(lab, 'vm3', '/tmp'),
      expected: { status: 3, says: [/INVALID: .*vm3.*No space left/i], withinMs: 60_000, verdict: 'INVALID' },
    },
    {
      what: 'the disk of hypervisor-2 is full',
      plant: () => fillFolder(lab, 'hypervisor-2', '/tmp'),
      mend: () => emptyFolder(lab, 'hypervisor-2', '/tmp'),
      expected: { status: 0, says: [/PASS/], withinMs: 60_000, verdict: 'PASS' },
    },
    {
      what: 'the disk with the results is full',
      ...fullController('results'),
      expected: {
        status: 3,
        says: [/controller: .*results\/\S+ cannot be written: no space is left there/],
        saysNot: [/PASS/],
        withinMs: 60_000,
      },
    },
    {
      what: 'the disk with the journal is full',
      ...fullController('.dpbench'),
      expected: {
        status: 3,
        says: [/controller: .*journal\.jsonl cannot be written: no space is left there/],
        withinMs: 60_000,
        left: /./,
      },
    },
    {
      what: 'a command writes 100 MB',
      suites: suite(`
  await expect(vm.vm1.execute('head -c 104857600 /dev/zero | tr "\\\\0" x')).rejects.toThrow(/64 MiB/)
  expect(await vm.vm1.succeed('echo still here')).toBe('still here\\n')
  await vm.vm1.succeed('head -c 104857600 /dev/zero | tr "\\\\0" x')`),
      when: async () => undefined,
      argv: ['--mode', 'offload'],
      plant: async () => undefined,
      expected: {
        status: 3,
        says: [/vm1: `head -c 104857600 .*` was ended, for it wrote more than 64 MiB/],
        withinMs: 60_000,
        verdict: 'ERROR',
      },
    },
    {
      what: 'a command ignores SIGTERM',
      suites: suite(`await vm.vm1.succeed('trap "" TERM; while :; do sleep 1; done', { timeoutMs: 2000 })`),
      when: async () => undefined,
      argv: ['--mode', 'offload'],
      plant: async () => undefined,
      expected: {
        status: 3,
        says: [/vm1: `trap .*` was not done within 2 s and was ended/],
        withinMs: 60_000,
        verdict: 'ERROR',
      },
    },
  ]

  property(
    'a machine that has no room, a command that floods or does not end',
    { counted: 'faults', quick: 0, whole: faults.length, timeoutMs: faults.length * 240_000 },
    async (tally) => {
      for (const fault of faults)
        await tally.try(fault.what, async () => {
          await faultWhileMeasuring(lab, fault)
          return []
        })
      expect(tally.tried).toBe(faults.length)
    },
  )
})
