import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openWorkspace } from '../../src/guest-run/workspace.ts'
import { scratchFolder } from '../scratch-folder.ts'

test('a killed run’s folder goes with the next one; those of the living, and of others, stay', async () => {
  const folder = scratchFolder()
  const before = process.env['TMPDIR']
  onTestFinished(() => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  })
  process.env['TMPDIR'] = folder
  const module = JSON.stringify(import.meta.resolve('../../src/guest-run/workspace.ts'))
  const program = `const { openWorkspace } = await import(${module}); await openWorkspace(); console.log('open'); setInterval(() => 0, 1e6)`
  const killed = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(killed.stdout, 'data')
  const [left] = await readdir(folder)
  for (const name of ['dpbench-guest-empty1', 'dpbench-guest-fresh1', 'dpbench-guest-others'])
    await mkdir(join(folder, name))
  await writeFile(join(folder, 'dpbench-guest-others/file'), '')
  for (const name of ['dpbench-guest-empty1', 'dpbench-guest-others']) await utimes(join(folder, name), 0, 0)

  const living = await openWorkspace()
  expect(existsSync(join(folder, left!))).toBe(true)
  killed.kill('SIGKILL')
  await once(killed, 'close')
  const next = await openWorkspace()
  expect(existsSync(join(folder, left!))).toBe(false)
  expect(existsSync(living.path)).toBe(true)
  await living[Symbol.asyncDispose]()
  await next[Symbol.asyncDispose]()
  expect((await readdir(folder)).sort()).toEqual(['dpbench-guest-fresh1', 'dpbench-guest-others'])
})
