import { mkdtemp, readdir, readFile, readlink, rm, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DpbenchError, UsageError } from '../../src/core/errors.ts'
import { fileName, tagName, timeName } from '../../src/report/names.ts'
import { parseRecord } from '../../src/report/record.ts'
import {
  createResultsFolder,
  createTestFolder,
  writeArtifact,
  writeRecord,
  writeReports,
} from '../../src/report/results-folder.ts'
import { fullRecord, recordOf, results as testResults } from './fixtures.ts'

let base: string
let results: string
const startedAt = '2026-11-21T02:00:27.123Z'

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'dpbench-results-'))
  results = join(base, 'results')
})
afterEach(() => rm(base, { recursive: true, force: true }))

describe('names', () => {
  test.for([
    ['IPv4 between hypervisors', 'ipv4-between-hypervisors'],
    ['../../etc/passwd', 'etc-passwd'],
    ['..', 'unnamed'],
    ['a/b\\c\0d', 'a-b-c-d'],
    ['Größe', 'gro-e'],
    ['x'.repeat(300), 'x'.repeat(100)],
    ['client.JSON', 'client.json'],
  ] as const)('%j → %s', ([text, name]) => {
    expect(fileName(text)).toBe(name)
  })

  test('a tag keeps its case and cannot be nothing', () => {
    expect(tagName('PR-42 Nightly')).toBe('PR-42-Nightly')
    expect(() => tagName('../')).toThrow(UsageError)
    expect(timeName(startedAt)).toBe('2026-11-21T02-00-27Z')
  })
})

describe('folders', () => {
  test('are never shared: the same tag again gets a number', async () => {
    const folders = [
      await createResultsFolder(results, { tag: 'nightly', startedAt }),
      await createResultsFolder(results, { tag: 'nightly', startedAt }),
      await createResultsFolder(results, { startedAt }),
      await createResultsFolder(results, { tag: 'latest', startedAt }),
      await createResultsFolder(results, { tag: '../../outside', startedAt }),
    ]
    expect(folders).toEqual(
      ['nightly', 'nightly-2', '2026-11-21T02-00-27Z', 'latest-2', 'outside'].map((name) =>
        join(results, name),
      ),
    )
  })

  test('made at the same moment, each is one caller’s own', async () => {
    const made = await Promise.all(
      Array.from({ length: 8 }, () => createResultsFolder(results, { tag: 'same', startedAt })),
    )
    expect(new Set(made).size).toBe(8)
  })

  test('of tests hold raw outputs, and refuse to overwrite one', async () => {
    const run = await createResultsFolder(results, { startedAt })
    const folder = await createTestFolder(run, {
      suite: 'vm2vm',
      name: 'IPv4, one hypervisor',
      mode: 'offload',
    })
    const again = await createTestFolder(run, {
      suite: 'vm2vm',
      name: 'IPv4 / one hypervisor',
      mode: 'offload',
    })
    expect([folder, again]).toEqual([
      'vm2vm/ipv4-one-hypervisor-offload',
      'vm2vm/ipv4-one-hypervisor-offload-2',
    ])
    const path = await writeArtifact(run, folder, '../flow 1.client.json', '{}')
    expect(path).toBe(join(folder, 'flow-1.client.json'))
    await expect(writeArtifact(run, folder, 'flow 1.client.json', 'other')).rejects.toThrow('EEXIST')
    expect(await readFile(join(run, path), 'utf8')).toBe('{}')
  })
})

describe('reports', () => {
  test('all of them, markers of the tests, and the link', async () => {
    const run = await createResultsFolder(results, { tag: 'one', startedAt })
    const record = recordOf(testResults.pass, testResults.fail, testResults.skipped)
    const folders = await Promise.all(record.tests.map((each) => createTestFolder(run, each)))
    const tests = record.tests.map((each, index) => ({ ...each, folder: folders[index] }))
    const written = await writeReports(run, { ...record, tests })
    expect(written.map((path) => path.slice(results.length + 1))).toEqual([
      'one/run.json',
      'one/junit.xml',
      'one/summary.md',
      'one/report.html',
      'one/vm2vm/test-1-offload/SUCCESS',
      'one/vm2vm/test-2-offload/FAILED',
      'latest',
    ])
    expect(await readFile(join(run, 'vm2vm/test-2-offload/FAILED'), 'utf8')).toBe('FAIL\n')
    expect(
      parseRecord(await readFile(join(results, 'latest/run.json'), 'utf8'), 'run.json').tests,
    ).toHaveLength(3)
    expect(await readdir(run)).toEqual(['junit.xml', 'report.html', 'run.json', 'summary.md', 'vm2vm'])
  })

  test('the link moves to the newest run', async () => {
    for (const tag of ['one', 'two']) {
      await writeReports(await createResultsFolder(results, { tag, startedAt }), fullRecord())
      expect(await readlink(join(results, 'latest'))).toBe(tag)
    }
    expect((await readdir(results)).sort()).toEqual(['latest', 'one', 'two'])
  })

  test('a folder in the place of the link is left alone, and said', async () => {
    const run = await createResultsFolder(results, { tag: 'one', startedAt })
    await mkdir(join(results, 'latest'))
    await writeFile(join(results, 'latest', 'mine'), 'mine')
    await expect(writeReports(run, fullRecord())).rejects.toThrow(DpbenchError)
    expect(await readFile(join(results, 'latest', 'mine'), 'utf8')).toBe('mine')
    expect((await readdir(results)).sort()).toEqual(['latest', 'one'])
  })

  test('the record alone can be written again and again', async () => {
    const run = await createResultsFolder(results, { startedAt })
    await writeRecord(run, recordOf())
    const path = await writeRecord(run, fullRecord())
    expect(parseRecord(await readFile(path, 'utf8'), path).tests).toHaveLength(7)
  })
})
