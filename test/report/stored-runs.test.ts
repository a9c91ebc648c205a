/** Stored records of every kind, in every form: rendered from run.json alone, or refused with one sentence. */
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { report } from '../../bin/report.ts'
import { type FormName, forms } from '../../src/report/forms.ts'
import { script } from '../../src/report/html/script.ts'
import { renderTerminal } from '../../src/report/terminal.ts'
import { stateOf } from '../../src/report/test-state.ts'
import { verdictOf } from '../../src/report/view.ts'
import { collectOutput } from './output.ts'
import { fixtures, refusedRuns, soundRuns, storedRun } from './stored-runs.ts'

const names = soundRuns.map((file) => basename(file, '.json'))
/** What a value that is not there looks like when nobody thought of it. */
const nonsense = /.{0,60}(undefined|\bNaN\b|\[object|Invalid Date|Infinity).{0,60}/
const readable = ['terminal', 'summary', 'markdown', 'junit', 'html'] as const

test.for(names)('%s is told whole in every form', async (name) => {
  const record = storedRun(name)
  for (const form of readable) {
    const text = await rendered(form, name)
    for (const { name: testName, result } of record.tests) {
      expect(text.includes(testName), `${testName} in ${form}`).toBe(true)
      // JUnit has words of its own for them
      if (form !== 'junit') expect(text.includes(stateOf(result)), `${testName} in ${form}`).toBe(true)
    }
    expect(text.replace(script, '').match(nonsense), form).toBeNull()
  }
})

test('among them is every verdict, and what can be missing is missing', () => {
  const states = storedRun('every-verdict').tests.map(({ result }) => stateOf(result))
  expect(new Set(states)).toEqual(new Set(['PASS', 'FAIL', 'UNSTABLE', 'INVALID', 'ERROR', 'SKIPPED']))
  expect(storedRun('killed').finishedAt).toBeUndefined()
  expect(storedRun('no-steps').steps).toEqual([])
  const ofNoCounters = storedRun('no-counters').tests.flatMap(({ repetitions }) => repetitions)
  expect(ofNoCounters.length).toBeGreaterThan(0)
  expect(ofNoCounters.filter(({ counters }) => counters)).toEqual([])
  expect(
    storedRun('least')
      .tests.map(verdictOf)
      .filter((verdict) => verdict && !('statistics' in verdict)),
  ).toHaveLength(2)
})

test('what only some records have is told', async () => {
  for (const form of readable.filter((each) => each !== 'junit')) {
    const text = await rendered(form, 'every-verdict')
    expect(text, form).toMatch(/quarantined until 2026-12-31/)
    expect(text, form).toMatch(/baseline .{0,6}monday.{0,6}: 7\.15 Gbit\/s instead of 9\.41/)
    expect(await rendered(form, 'bimodal'), form).toMatch(
      /two modes: 5 around 6\.10 and 5 around 9\.40 Gbit\/s/,
    )
  }
  expect(await rendered('html', 'killed')).toContain('never finished')
  expect(await rendered('html', 'interrupted')).toContain('interrupted by SIGINT')
  expect(await rendered('html', 'no-steps')).toContain('has no timeline')
  expect(await rendered('html', 'whole')).toContain('core 0 of vm1 (receiver) was busy')
})

test('of all files together the refused have a sentence each, the others their page: exit 2', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-stored-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const output = collectOutput()
  const code = await report([...refusedRuns, ...soundRuns, '--format', 'junit', '--output', folder])
  expect(code).toBe(2)
  const sentences = output.stderr.split('\n').filter((line) => line.startsWith('dpbench: '))
  const of = (name: string): string => sentences.find((line) => line.includes(`refused-${name}.json`)) ?? ''
  expect(sentences).toHaveLength(refusedRuns.length)
  expect(of('older')).toMatch(/has schema version 0, and this dpbench reads 1: use an older dpbench for it$/)
  expect(of('newer')).toMatch(/has schema version 2, and this dpbench reads 1: use a newer dpbench for it$/)
  expect(of('no-version')).toMatch(/is not a run record of dpbench: it has no schema_version$/)
  expect(of('cut')).toMatch(/is not JSON$/)
  expect(of('broken')).toMatch(/is not a sound run record$/)
  const written = await readdir(folder)
  expect(written.filter((name) => name.endsWith('.xml'))).toHaveLength(soundRuns.length)
  expect(
    await readFile(
      join(
        folder,
        written.find((name) => name.startsWith('least'))!,
      ),
      'utf8',
    ),
  ).toMatch(/^<\?xml/)
})

test('a folder of results folders stands for all of them; their pages have an index', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-stored-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const name of ['every-verdict', 'least', 'refused-older']) {
    await mkdir(join(folder, 'results', name), { recursive: true })
    await copyFile(join(fixtures, `${name}.json`), join(folder, 'results', name, 'run.json'))
  }
  const output = collectOutput()
  const place = join(folder, 'pages')
  expect(await report([join(folder, 'results'), '--format', 'html', '--output', place])).toBe(2)
  const pages = (await readdir(place)).toSorted()
  expect(pages).toHaveLength(3)
  const index = await readFile(join(place, 'index.html'), 'utf8')
  const links = [...index.matchAll(/href="\.\/([^"]+)"/g)].map(([, link]) => decodeURIComponent(link!))
  expect([...links, 'index.html'].toSorted()).toEqual(pages)
  expect(index).toContain('4 passed, 3 failed, 2 unstable, 1 invalid, 1 error, 1 skipped, 1 quarantined')
  expect(index).toContain('schema version 0')
  expect(output.stderr.trim().split('\n')).toHaveLength(1)
})

async function rendered(form: FormName | 'terminal', name: string): Promise<string> {
  const record = storedRun(name)
  return form === 'terminal' ? renderTerminal(record, { color: false }) : forms[form].render(record)
}
