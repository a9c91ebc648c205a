/** The lease of an environment on its controller. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { acquireLease } from '../../src/environment/lease.ts'
import { scratchFolder } from '../scratch-folder.ts'

const ended = JSON.stringify({ pid: 2 ** 22 + 1, startedTicks: '1', runId: 'gone', since: 'then' })

test.each([
  ['none', undefined],
  ['one of a process that has ended', ended],
  ['one cut short', ended.slice(0, 20)],
  ['an empty one', ''],
])('of many that ask at once one gets it, where there is %s', async (_, text) => {
  const folder = scratchFolder()
  const file = path.join(folder, 'lease.json')
  if (text !== undefined) writeFileSync(file, text)
  const asked = await Promise.allSettled(
    Array.from({ length: 20 }, (_each, number) => acquireLease(file, `run ${number}`)),
  )
  const got = asked.filter((each) => each.status === 'fulfilled')
  expect(got).toHaveLength(1)
  const { runId } = JSON.parse(readFileSync(file, 'utf8')) as { runId: string }
  for (const each of asked)
    if (each.status === 'rejected') expect(String(each.reason)).toContain(`${runId} (process ${process.pid},`)
  expect(readdirSync(folder)).toEqual(['lease.json'])
  await got[0]!.value[Symbol.asyncDispose]()
  expect(readdirSync(folder)).toEqual([])
})
