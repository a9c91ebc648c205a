/** Repairs and their way back, with commands that really run, on files in the place of the kernel's. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type CommandResult, answered } from '../../src/core/command-result.ts'
import { type Journal, openJournal } from '../../src/core/journal.ts'
import type { ReplayResult } from '../../src/core/undo.ts'
import type { Repair } from '../../src/doctor/finding.ts'
import { fixHost } from '../../src/doctor/fix.ts'
import { setting, startNetwork, startUnit } from '../../src/doctor/repairs.ts'
import { doctorUndo } from '../../src/doctor/undo.ts'
import type { RemoteHost } from '../../src/transport/host.ts'
import { LocalHost } from '../../src/transport/local-host.ts'

const target = { name: 'here', address: '127.0.0.1', port: 22, user: 'root', keyFile: '/none', sudo: false }

interface Bench {
  readonly journal: Journal
  readonly path: string
  value(): Promise<string>
  set(value: string): Promise<void>
  fix(...repairs: Repair[]): Promise<string[]>
  revert(): Promise<ReplayResult>
}

async function bench(before: string, host: RemoteHost = new LocalHost()): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-fix-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'value')
  const set = (value: string): Promise<void> => writeFile(path, `${value}\n`)
  await set(before)
  const journal = await openJournal(join(folder, 'journal.jsonl'))
  return {
    journal,
    path,
    value: async () => (await readFile(path, 'utf8')).trim(),
    set,
    fix: (...repairs) => fixHost({ host, target, journal, runId: 'r' }, repairs, { log: () => undefined }),
    revert: () => doctorUndo().replay(journal, journal.pending('doctor'), async () => host),
  }
}

const forward = (path: string): Repair => setting('forwarding', [{ path, before: '0', after: '1' }])

test('a setting is journaled, made and put back; a second time there is nothing to do', async () => {
  const { path, fix, value, journal, revert } = await bench('0')
  expect(await fix(forward(path))).toEqual([])
  expect(await value()).toBe('1')
  expect(await fix(forward(path))).toEqual([])
  expect(journal.pending('doctor').map(({ what }) => what)).toEqual(['forwarding on here'])
  expect((await revert()).notes).toEqual([])
  expect(await value()).toBe('0')
  expect(journal.pending()).toEqual([])
})

test('a value that somebody else has set since stays, and is said', async () => {
  const { path, fix, value, set, revert, journal } = await bench('0')
  await fix(forward(path))
  await set('2')
  const { notes, left } = await revert()
  expect(notes).toEqual([`here: ${path} is 2, not the 1 of the doctor, and stays`])
  expect(left).toEqual([])
  expect(await value()).toBe('2')
  expect(journal.pending()).toEqual([])
})

test('a value that changed between the look and the fix is left alone', async () => {
  const { path, fix, value, set, journal } = await bench('0')
  await set('7')
  expect((await fix(forward(path))).join()).toMatch(/has changed meanwhile: look again with dpbench doctor/)
  expect(await value()).toBe('7')
  expect(journal.pending()).toEqual([])
})

test('killed between the journal and the change: the way back changes nothing', async () => {
  const { path, value, journal, revert } = await bench('0')
  const { undo } = forward(path)
  await journal.record({ runId: 'r', scope: 'doctor', host: target, what: 'forwarding', undo })
  expect((await revert()).undone).toHaveLength(1)
  expect(await value()).toBe('0')
})

test('killed while the kernel had given only some of the hugepages: all are given back', async () => {
  const { path, value, set, journal, revert } = await bench('16')
  const { undo } = setting('hugepages', [{ path, before: '16', after: '512' }], true)
  await journal.record({ runId: 'r', scope: 'doctor', host: target, what: 'hugepages', undo })
  await set('300')
  expect((await revert()).notes).toEqual([])
  expect(await value()).toBe('16')
})

test('a kernel that gives less than it was asked for: put back at once, and said', async () => {
  const { path, value, journal, fix } = await bench('16')
  const repair = setting('hugepages', [{ path, before: '16', after: '512' }], true)
  const failures = await fix({ ...repair, commands: [['sh', '-c', `echo 300 > ${path}`]] })
  expect(failures.join()).toMatch(/became 300, not 512; put back/)
  expect(await value()).toBe('16')
  expect(journal.pending()).toEqual([])
})

test('a repair that fails keeps the others from nothing', async () => {
  const { path, value, fix, journal } = await bench('0')
  const broken: Repair = {
    ...startUnit('docker.service'),
    commands: [['false']],
    undo: setting('x', []).undo,
  }
  expect(await fix(broken, forward(path))).toHaveLength(1)
  expect(await value()).toBe('1')
  expect(journal.pending('doctor')).toHaveLength(1)
})

/** Answers commands by their text, and remembers them. */
class ToldHost extends LocalHost {
  readonly told: string[] = []
  readonly answers: Readonly<Record<string, string>>

  constructor(answers: Readonly<Record<string, string>>) {
    super()
    this.answers = answers
  }

  override async tryRun(argv: readonly string[]): Promise<CommandResult> {
    const text = argv.join(' ')
    this.told.push(text)
    const [, stdout = ''] = Object.entries(this.answers).find(([part]) => text.includes(part)) ?? []
    return answered('here', argv, stdout)
  }
}

const network = (uuid: string): string =>
  `<network><name>default</name><uuid>${uuid}</uuid><bridge name='virbr0'/></network>`

test('a network that VMs use now is not stopped, and stays in the journal', async () => {
  const answers = { 'net-list': 'default\n', 'net-dumpxml': network('u-1'), brif: 'virbr0-nic\nvnet3\n' }
  const host = new ToldHost(answers)
  const { journal, fix, revert } = await bench('', host)
  await fix(startNetwork('default', 'u-1'))
  const { left } = await revert()
  expect(left.map(({ reason }) => reason).join()).toMatch(/in use by vnet3: stop those VMs/)
  expect(host.told.join('\n')).not.toContain('net-destroy')
  expect(journal.pending('doctor')).toHaveLength(1)
})

test('a network that somebody has defined anew stays, and is said', async () => {
  const host = new ToldHost({ 'net-list': 'default\n', 'net-dumpxml': network('u-2') })
  const { fix, revert, journal } = await bench('', host)
  await fix(startNetwork('default', 'u-1'))
  const { notes } = await revert()
  expect(notes.join()).toMatch(/default is not the one that the doctor saw, and stays/)
  expect(host.told.join('\n')).not.toContain('net-destroy')
  expect(journal.pending()).toEqual([])
})

test('a unit that was started is stopped again', async () => {
  const host = new ToldHost({})
  const { fix, revert } = await bench('', host)
  await fix(startUnit('docker.service'))
  await revert()
  expect(host.told.filter((line) => line.includes('systemctl'))).toEqual([
    'flock --close /run systemctl start docker.service',
    'systemctl stop docker.service',
  ])
})
