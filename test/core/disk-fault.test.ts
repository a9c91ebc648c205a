/** A full disk: /dev/full, on which every write fails as there. */
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BenchConfig } from '../../src/config/index.ts'
import { writing } from '../../src/core/disk-fault.ts'
import { openJournal } from '../../src/core/journal.ts'
import { replaceFile } from '../../src/core/replace-file.ts'
import { StepRecorder } from '../../src/report/step-recorder.ts'
import { stepLog } from '../../src/report/step-log.ts'
import { writeLeaks } from '../../src/report/leak-log.ts'
import { logKeeper } from '../../src/vitest/log-keeper.ts'
import { scratchFolder } from '../scratch-folder.ts'

/** Where a file is to be. */
function full(...path: string[]): string {
  const file = join(...path)
  mkdirSync(join(file, '..'), { recursive: true })
  symlinkSync('/dev/full', file)
  return file
}

test('is told with the file, and what else goes wrong is told as it is', async () => {
  await expect(writing('results/x', () => writeFile('/dev/full', 'x'))).rejects.toThrow(
    /^controller: results\/x cannot be written: no space is left there: make room$/,
  )
  await expect(writing('x', () => writeFile('/dev/null/x', 'x'))).rejects.toThrow(/^ENOTDIR/)
})

test('a folder that somebody removed meanwhile is told', async () => {
  const file = join(scratchFolder(), 'gone', 'run.json')
  await expect(replaceFile(file, '{}')).rejects.toThrow(
    /gone\/run\.json cannot be written: its folder is gone/,
  )
})

test('a journal that cannot be written ends the step before it is done', async () => {
  const file = full(scratchFolder(), 'journal.jsonl')
  // reading /dev/full gives zeros without end: it is opened as a file that is not there yet
  const journal = await openJournal(`${file}.missing`)
  symlinkSync('/dev/full', `${file}.missing`)
  const entry = { runId: 'r', scope: 'run', undo: { kind: 'x' }, what: 'x' } as const
  await expect(journal.record(entry)).rejects.toThrow(/^controller: .*journal.* no space is left/)
  expect(journal.pending()).toEqual([])
})

test('a timeline that cannot be kept says so once, and what it observes goes on', () => {
  const results = scratchFolder()
  full(results, '.steps-offload.jsonl')
  const said: string[] = []
  const write = stepLog(results, 'offload', (sentence) => said.push(sentence))
  const { observe } = new StepRecorder({ mode: 'offload', secrets: [], write })
  for (const name of ['a', 'b']) observe({ machine: 'vm1', kind: 'command', name })({ outcome: 'ok' })
  expect(said).toEqual([expect.stringMatching(/^the timeline ends here: controller: .*no space is left/)])
})

test('a log that cannot be kept is told, and clean-up, which keeps it, goes on', async () => {
  const results = scratchFolder()
  full(results, 'logs/offload/vm1.journal.log')
  const said: string[] = []
  const keep = logKeeper(results, {} as BenchConfig, (sentence) => said.push(sentence))
  await keep({ machine: 'vm1', mode: 'offload', kind: 'journal', text: 'x' })
  expect(said).toEqual([expect.stringMatching(/^the journal log of vm1 is not kept: controller: /)])
})

test('of leaks no half file stays, which nobody could read', () => {
  const results = scratchFolder()
  full(results, '.leaks-offload.json')
  expect(() => writeLeaks(results, { mode: 'offload', leaks: ['x'] })).toThrow(/^controller: .*no space/)
  expect(readdirSync(results)).toEqual([])
})
