/** `dpbench report` where the file system refuses: a sentence each, and the others are reported all the same. */
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { report } from '../../bin/report.ts'
import { UsageError } from '../../src/core/errors.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import { fullRecord } from './fixtures.ts'
import { collectOutput } from './output.ts'

let folder: string
let stored: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dpbench-report-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  stored = join(folder, 'run.json')
  await writeFile(stored, serialiseRecord(fullRecord()))
})

test('what is no file is one fault among others', async () => {
  const odd = join(folder, 'odd')
  const loop = join(folder, 'loop')
  await mkdir(join(odd, 'run.json'), { recursive: true })
  await symlink('loop', loop)
  const output = collectOutput()
  expect(await report([odd, loop, stored])).toBe(2)
  expect(output.stdout).toContain('2 passed, 1 failed')
  expect(output.stderr.trim().split('\n')).toEqual([
    `dpbench: ${odd} cannot be read (EISDIR): name a results folder or a run.json`,
    `dpbench: ${loop} cannot be read (ELOOP): name a results folder or a run.json`,
  ])
})

test('a folder that is there gets the form under its name; nothing half-written stays', async () => {
  const place = join(folder, 'pages')
  await mkdir(place)
  collectOutput()
  expect(await report([stored, '--format', 'html', '--output', place])).toBe(0)
  expect(await report([stored, '--format', 'terminal', '--output', place])).toBe(0)
  expect((await readdir(place)).toSorted()).toEqual(['report.html', 'report.txt'])
  expect((await readdir(folder)).toSorted()).toEqual(['pages', 'run.json'])
})

test('a file where a folder is needed is refused', async () => {
  await expect(report([stored, '--format', 'all', '--output', stored])).rejects.toThrow(
    new UsageError(`nothing can be written to ${stored} (EEXIST): name another place with --output`),
  )
})
