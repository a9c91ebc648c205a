/** `dpbench report` of a folder of results folders. */
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { report } from '../../bin/report.ts'
import { collectOutput } from './output.ts'
import { storedFolder } from './stored.ts'

test('a folder of results folders stands for all of them; their pages have an index', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-stored-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const name of ['excused-and-compared', 'least', 'refused-older']) {
    await mkdir(join(folder, 'results', name), { recursive: true })
    await copyFile(join(storedFolder, `${name}.json`), join(folder, 'results', name, 'run.json'))
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
