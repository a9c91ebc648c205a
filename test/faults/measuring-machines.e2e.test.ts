/** What a machine runs out of while it is measured, and what a command does to the controller: disks, output, signals. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, onTestFinished } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import { fillFolder, ownDisk, unmountFolder } from './support/host-faults.ts'
import { type FaultWhileMeasuring, type NamedFault, plantEach } from './support/measuring.ts'
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
function fullController(folder: string): Pick<FaultWhileMeasuring, 'prepare' | 'plant' | 'mend'> {
  let mounted = ''
  return {
    prepare: async (project) => mountOwnDisk((mounted = join(project.folder, folder))),
    plant: async ({ project }) => fill(join(project.folder, folder)),
    mend: async () => rmSync(join(mounted, 'fill')),
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

  const faults: readonly NamedFault[] = [
    {
      what: 'the disk of the guest vm3 is full',
      prepare: () => ownDisk(lab, 'vm3', '/tmp'),
      plant: () => fillFolder(lab, 'vm3', '/tmp'),
      mend: () => unmountFolder(lab, 'vm3', '/tmp'),
      expected: {
        status: 3,
        says: [/INVALID: .*client on vm3: .*no space is left/],
        withinMs: 60_000,
        verdict: 'INVALID',
      },
    },
    {
      what: 'the disk of hypervisor-2 is full',
      prepare: () => ownDisk(lab, 'hypervisor-2', '/tmp'),
      plant: () => fillFolder(lab, 'hypervisor-2', '/tmp'),
      mend: () => unmountFolder(lab, 'hypervisor-2', '/tmp'),
      // Docker writes there what it is to execute, and the shell in the container is there by then
      expected: { status: 0, says: [/1 passed/], withinMs: 60_000, verdict: 'PASS' },
    },
    {
      what: 'the disk with the results is full',
      ...fullController('results'),
      expected: {
        status: 3,
        says: [/controller: .*results\/\S+ cannot be written: no space is left there/],
        saysNot: [/PASS/],
        recordMayMiss: true,
        withinMs: 60_000,
      },
    },
    {
      what: 'the disk with the journal is full',
      ...fullController('.dpbench'),
      // what is written last of the journal may find room in the last block that it has
      when: ({ running }) => running.shows(/▶ offload/),
      expected: {
        status: 3,
        says: [/controller: .*journal\.jsonl cannot be written: no space is left there/],
        withinMs: 60_000,
        left: /^/,
      },
    },
    {
      what: 'a command writes 100 MB',
      suites: suite(`
  await expect(vm.vm1.execute('head -c 104857600 /dev/zero | tr "\\\\0" x')).rejects.toThrow(/64 MiB/)
  expect(await vm.vm1.succeed('echo still here')).toBe('still here\\n')
  await vm.vm1.succeed('head -c 104857600 /dev/zero | tr "\\\\0" x')`),
      when: ({ running }) => running.shows(/asking for their leases/),
      argv: ['--mode', 'offload'],
      plant: async () => undefined,
      expected: {
        status: 3,
        says: [/vm1: `head -c 104857600 .*` was ended, for it wrote more than 64 MiB/],
        withinMs: 90_000,
        verdict: 'ERROR',
      },
    },
    {
      what: 'a command ignores SIGTERM',
      suites: suite(`await vm.vm1.succeed('trap "" TERM; while :; do sleep 1; done', { timeoutMs: 2000 })`),
      when: ({ running }) => running.shows(/asking for their leases/),
      argv: ['--mode', 'offload'],
      plant: async () => undefined,
      expected: {
        status: 3,
        says: [/vm1: `trap .*` was not done within 2 s and was ended/],
        withinMs: 90_000,
        verdict: 'ERROR',
      },
    },
  ]

  property(
    'a machine that has no room, a command that floods or does not end',
    { counted: 'faults', quick: 0, whole: faults.length, timeoutMs: faults.length * 240_000 },
    (tally) => plantEach(lab, tally, faults),
  )
})
