import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { scratchFolder } from '../scratch-folder.ts'

const help = [process.execPath, resolve('bin/dpbench.ts'), '--help']

async function ofHome(env: Record<string, string>, argv = help) {
  const result = await tryLocally(['env', '-u', 'NODE_COMPILE_CACHE', ...pairs(env), ...argv])
  return { status: result.exitCode, said: result.stdout, errors: result.stderr }
}

const pairs = (env: Record<string, string>): string[] =>
  Object.entries(env).map(([name, value]) => `${name}=${value}`)

test("compiled code is kept in the user's own folder, for nobody else to write to, and is used", async () => {
  const home = scratchFolder()
  const env = { HOME: home, XDG_CACHE_HOME: join(home, 'cache') }
  expect(await ofHome(env)).toMatchObject({ status: 0, errors: '' })
  const folder = join(home, 'cache/dpbench/compiled')
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  const kept = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
  expect(kept.length).toBeGreaterThan(3)
  const debug = await ofHome({ ...env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' })
  expect(debug.errors + debug.said).toMatch(/main\.ts .*(accepted|success)/)
})

test('without a folder that can be made, everything works as before', async () => {
  const home = scratchFolder()
  writeFileSync(join(home, 'cache'), '')
  const env = { HOME: home, XDG_CACHE_HOME: join(home, 'cache') }
  expect(await ofHome(env)).toMatchObject({ status: 0, errors: '' })
})
