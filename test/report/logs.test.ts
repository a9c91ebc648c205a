import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listLogs, writeLog } from '../../src/report/logs.ts'
import { renderJunit } from '../../src/report/junit.ts'
import { renderSummary } from '../../src/report/summary.ts'
import { renderTerminal } from '../../src/report/terminal.ts'
import { secretsIn, textWithoutSecrets } from '../../src/report/secrets.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { recordOf, results } from './fixtures.ts'

const log = { machine: 'hypervisor-1', mode: 'offload', kind: 'data-plane', text: 'ready\n' } as const

test('logs lie by mode, are for their owner alone, and are found again', async () => {
  const folder = scratchFolder()
  expect(await listLogs(folder)).toEqual([])
  await writeLog(folder, log, [])
  await writeLog(folder, { ...log, machine: 'vm1.a', mode: 'non-offload', kind: 'console' }, [])
  const found = await listLogs(folder)
  expect(found).toEqual([
    {
      file: 'logs/non-offload/vm1.a.console.log',
      machine: 'vm1.a',
      mode: 'non-offload',
      kind: 'console',
      bytes: 6,
    },
    {
      file: 'logs/offload/hypervisor-1.data-plane.log',
      machine: 'hypervisor-1',
      mode: 'offload',
      kind: 'data-plane',
      bytes: 6,
    },
  ])
  for (const { file } of found) expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600)
})

test('secrets are not in a log, whatever was known of them', async () => {
  const folder = scratchFolder()
  await writeLog(folder, { ...log, text: 'login hunter22 done' }, ['hunter22'])
  expect(await readFile(join(folder, 'logs/offload/hypervisor-1.data-plane.log'), 'utf8')).toBe(
    'login (not recorded) done',
  )
})

const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza\nc2gx\n-----END OPENSSH PRIVATE KEY-----'
test.for([
  ['PASSWORD=hunter2 and so on', 'PASSWORD=(not recorded) and so on'],
  ['{"token": "a b", "user": "x"}', '{"token": (not recorded), "user": "x"}'],
  [`before ${key} after`, 'before (not recorded) after'],
  [`before ${key.slice(0, 60)}`, 'before (not recorded)'],
  ['root:$6$rounds=5000$abcdefgh$ijklmnop:19000', 'root:(not recorded):19000'],
  ['pull https://bot:s3cret@registry/x', 'pull https://bot:(not recorded)@registry/x'],
  ['Authorization: Bearer abc.def', 'Authorization: Bearer (not recorded)'],
  ['hash_file=/root/hash, vni=100', 'hash_file=/root/hash, vni=100'],
  [
    'sshd: Failed password for root from 10.0.0.1 port 22: ssh2',
    'sshd: Failed password for root from 10.0.0.1 port 22: ssh2',
  ],
] as const)('%j', ([text, clean]) => {
  expect(textWithoutSecrets(text, [])).toBe(clean)
})

test("a config's secrets are found where the record leaves them out", () => {
  const config = {
    key_file: '/k',
    dpservice: { environment: { API_TOKEN: 'abcd', DP_CONF: '' } },
    list: [key],
  }
  expect(secretsIn(config)).toEqual(['abcd', key])
})

test('reports name the logs; the terminal where something went wrong', () => {
  const logs = [
    {
      file: 'logs/offload/vm1.console.log',
      machine: 'vm1',
      mode: 'offload',
      kind: 'console' as const,
      bytes: 3000,
    },
  ]
  const line = 'logs/offload/vm1.console.log: console of vm1, 3 KiB'
  const failed = { ...recordOf(results.error), logs }
  expect(renderTerminal(failed, { color: false })).toContain(`logs\n  ${line}\n`)
  expect(renderTerminal(failed, { color: false, folder: 'results/a' })).toContain(`\n  results/a/${line}\n`)
  expect(renderTerminal({ ...recordOf(results.pass), logs }, { color: false })).not.toContain(line)
  expect(renderSummary(failed)).toContain(`## Logs\n\n- ${line}`)
  expect(renderJunit(failed)).toContain(line)
})
