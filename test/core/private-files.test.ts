/** What holds addresses, keys or what machines said is for its owner alone, whatever the umask is. */
import { lstat, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeWorkingConfig } from '../../src/config/working-config.ts'
import type { ConfigFile } from '../../src/config/schema.ts'
import { openJournal } from '../../src/core/journal.ts'
import { acquireLease } from '../../src/environment/lease.ts'
import { environmentIdentity } from '../../provision/identity.ts'
import { writeLog } from '../../src/report/logs.ts'
import { stepLog } from '../../src/report/step-log.ts'
import { scratchFolder } from '../scratch-folder.ts'

let umask: number
beforeEach(() => void (umask = process.umask(0)))
afterEach(() => void process.umask(umask))

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)
const config = { key_file: '/k' } as unknown as ConfigFile

test('under umask 0: journal, working config, lease, identity, logs and steps', async () => {
  const folder = scratchFolder()
  const state = (name: string): string => join(folder, name, '.dpbench', 'lab')
  const journal = await openJournal(join(state('a'), 'journal.jsonl'))
  await journal.record({ runId: 'r', scope: 'run', undo: { kind: 'x' }, what: 'x' })
  await writeWorkingConfig(join(state('b'), 'working.json'), config)
  await environmentIdentity(join(folder, 'c'), 'lab', true)
  await using _ = await acquireLease(join(state('d'), 'lease.json'), 'r')
  await writeLog(folder, { machine: 'vm1', mode: 'offload', kind: 'journal', text: 'x' }, [])
  stepLog(folder, 'offload', expect.fail)({ id: 1 } as never)
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((each) =>
    each.isFile(),
  )
  expect(files.map(({ name }) => name).sort()).toHaveLength(6)
  for (const { parentPath, name } of files) {
    expect(await modeOf(join(parentPath, name)), name).toBe('600')
    if (parentPath !== folder) expect(await modeOf(parentPath), parentPath).toBe('700')
  }
  for (const name of ['a', 'b', 'c', 'd']) expect(await modeOf(dirname(state(name)))).toBe('700')
})

test('a file or link that somebody put in the way of the working config is neither taken over nor followed', async () => {
  const folder = scratchFolder()
  const file = join(folder, 'working.json')
  const victim = join(folder, 'victim')
  await writeFile(victim, 'mine')
  await symlink(victim, `${file}.partial`)
  await writeWorkingConfig(file, config)
  expect(await readFile(victim, 'utf8')).toBe('mine')
  expect((await lstat(file)).isFile()).toBe(true)
  await writeFile(`${file}.partial`, '', { mode: 0o666 })
  await writeWorkingConfig(file, config)
  expect(await modeOf(file)).toBe('600')
})
