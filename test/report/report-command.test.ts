/** `dpbench report`, as it is typed. */
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { parseRecord } from '../../src/report/record.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import { fullRecord } from './fixtures.ts'
import { largeRecord } from './large-record.ts'

const bin = join(import.meta.dirname, '../../bin/dpbench.ts')
let folder: string
let stored: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dpbench-report-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  stored = join(folder, 'nightly')
  await mkdir(stored)
  await writeFile(join(stored, 'run.json'), serialiseRecord(fullRecord()))
})

const report = (...argv: string[]) => tryLocally([process.execPath, bin, 'report', ...argv])

test('prints the table of a folder, and of a file', async () => {
  const [ofFolder, ofFile] = [await report(stored), await report(join(stored, 'run.json'))]
  expect(ofFolder.exitCode).toBe(0)
  expect(ofFolder.stdout).toContain('2 passed, 1 failed')
  expect(ofFile.stdout).toBe(ofFolder.stdout)
})

test(
  'makes each form, to standard output or to a file, and leaves the record alone',
  { timeout: 60_000 },
  async () => {
    const before = await readFile(join(stored, 'run.json'), 'utf8')
    expect((await report(stored, '--format', 'junit')).stdout).toMatch(/^<\?xml/)
    const json = (await report(stored, '--format', 'json')).stdout
    expect(JSON.parse(json)).toEqual(JSON.parse(before))
    const markdown = (await report(stored, '--format', 'markdown')).stdout
    expect(markdown).toMatch(/^### dpbench: 2 passed, 1 failed/)
    expect(markdown).toContain('| vm2vm: IPv6 between hypervisors | **FAIL** 7.15')
    const page = join(folder, 'a.html')
    expect((await report(stored, '--format', 'html', '--output', page)).exitCode).toBe(0)
    expect(await readFile(page, 'utf8')).toMatch(/^<!doctype html>/)
    await report(stored, '--format', 'all')
    expect((await readdir(stored)).toSorted()).toEqual([
      'junit.xml',
      'pull-request.md',
      'report.html',
      'run.json',
      'summary.md',
    ])
    expect(await readFile(join(stored, 'run.json'), 'utf8')).toBe(before)
  },
)

test(
  'what cannot be read is told in one sentence each, the rest is reported: exit 2',
  { timeout: 60_000 },
  async () => {
    const files = {
      'older.json': serialiseRecord(fullRecord()).replace('"schema_version": 1', '"schema_version": 0'),
      'newer.json': serialiseRecord(fullRecord()).replace('"schema_version": 1', '"schema_version": 7'),
      'cut.json': serialiseRecord(fullRecord()).slice(0, 5000),
      'other.json': '{"hello": 1}',
      'altered.json': serialiseRecord(fullRecord()).replace(/"mean": [\d.e+]+/, '"mean": "much"'),
    }
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const paths = [...Object.keys(files), 'nowhere'].map((name) => join(folder, name))
    const { exitCode, stdout, stderr } = await report(...paths, stored)
    expect(exitCode).toBe(2)
    expect(stdout).toContain('2 passed, 1 failed')
    const faults = stderr.split('\n').filter((line) => line.startsWith('dpbench: '))
    expect(faults).toHaveLength(paths.length)
    expect(stderr).toMatch(
      /older\.json has schema version 0, and this dpbench reads 1: use an older dpbench for it/,
    )
    expect(stderr).toMatch(/newer\.json has schema version 7/)
    expect(stderr).toMatch(/cut\.json is not JSON/)
    expect(stderr).toMatch(/other\.json is not a run record of dpbench/)
    expect(stderr).toMatch(/altered\.json is not a sound run record/)
    expect(stderr).toMatch(/there is no run record at .*nowhere/)
    expect(stderr).not.toMatch(/\n\s+at /)
  },
)

test('an unknown form is refused with the nearest', async () => {
  const { exitCode, stderr } = await report(stored, '--format', 'htm')
  expect(exitCode).toBe(2)
  expect(stderr).toContain('did you mean html?')
})

test('rows of figures are checked, too', () => {
  const record = largeRecord({ scenarios: 1, repetitions: 1, flows: 1, cores: 1, steps: 1 })
  const text = serialiseRecord(record)
  expect(parseRecord(text, 'x')).toEqual(record)
  const broken = text.replace(/\[0, 1, (\d+)\]/, '[0, "1", $1]')
  expect(broken).not.toBe(text)
  expect(() => parseRecord(broken, 'x')).toThrow(/sound run record/)
})
