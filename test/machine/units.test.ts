/** When a wait for a unit goes on, and when it has failed. */
import { describe, expect, test } from 'vitest'
import { MachineError } from '../../src/core/errors.ts'
import { getUnitInfo, requireUnitState, systemctl, unitProbe, waitForUnit } from '../../src/machine/units.ts'
import { fakeHost } from './fake-machine.ts'

const cut = '== dpbench ==\n'
const unit = (state: string, more = ''): string =>
  `Id=a.service\nLoadState=loaded\nActiveState=${state}\nSubState=dead\n${more}Description=x=y\n`
const looks = (first: string, jobs: number | string, second = first): string =>
  `${first}${cut}NJobs=${jobs}\n${cut}${second}`

const waits = { state: 'pending' }
const fails = { state: 'failed' }

describe('a unit', () => {
  test.each([
    ['is active', looks(unit('active'), 0), { state: 'ready' }],
    ['is active while others start', looks(unit('active'), 7), { state: 'ready' }],
    ['became active between the looks', looks(unit('inactive'), 0, unit('active')), { state: 'ready' }],
    ['is starting', looks(unit('activating'), 1), waits],
    ['waits for its next try', looks(unit('activating', 'Job=0\n'), 0), waits],
    ['is reloading', looks(unit('reloading'), 0), waits],
    ['is stopping', looks(unit('deactivating'), 1), waits],
    ['has failed', looks(unit('failed', 'Result=exit-code\n'), 0), fails],
    ['has failed while others start', looks(unit('failed'), 3), fails],
    ['has failed and is about to start again', looks(unit('failed', 'Job=812\n'), 1), waits],
    ['is inactive, no job pending', looks(unit('inactive'), 0), fails],
    ['is inactive, a job of its own pending', looks(unit('inactive', 'Job=812\n'), 1), waits],
    ['is inactive, another job pending', looks(unit('inactive'), 2), waits],
    ['got its job after the count', looks(unit('inactive'), 0, unit('inactive', 'Job=9\n')), waits],
    ['ended between the looks', looks(unit('activating'), 0, unit('inactive')), waits],
    ['is not told of', 'nothing\n', waits],
    ['has no count beside it', looks(unit('inactive'), ''), waits],
  ])('that %s', (_what, printed, outcome) => {
    expect(unitProbe(printed)).toMatchObject(outcome)
  })

  test('that has failed is said with its result, one that is unknown with that', () => {
    expect(unitProbe(looks(unit('failed', 'Result=exit-code\n'), 0))).toEqual({
      state: 'failed',
      reason: 'it is failed (dead), its result is exit-code',
    })
    const unknown = 'LoadState=not-found\nActiveState=inactive\nSubState=dead\n'
    expect(unitProbe(looks(unknown, 0))).toEqual({
      state: 'failed',
      reason: 'it is inactive (dead), not-found, and no job is pending',
    })
  })
})

const answering = (...answers: readonly { stdout?: string; stderr?: string; exitCode?: number }[]) => {
  const left = [...answers]
  const host = fakeHost('vm1', () => (left.length > 1 ? left.shift()! : left[0]!))
  return { host, on: { name: 'vm1', connection: async () => host } }
}

test('a wait looks again until the unit is active', async () => {
  const { host, on } = answering(
    { stdout: looks(unit('inactive', 'Job=4\n'), 1) },
    { exitCode: 1, stderr: 'Failed to connect to bus' },
    { stdout: looks(unit('activating'), 1) },
    { stdout: looks(unit('active'), 0) },
  )
  await waitForUnit(on, 'a')
  expect(host.ran).toHaveLength(4)
})

test('a wait that cannot come true ends at the first look; one that may, at its deadline, with the state', async () => {
  const failed = answering({ stdout: looks(unit('inactive'), 0) })
  await expect(waitForUnit(failed.on, 'a')).rejects.toThrow(
    'waited for the unit a on vm1 to be active, which cannot happen any more: it is inactive (dead), and no job is pending',
  )
  expect(failed.host.ran).toHaveLength(1)
  const slow = answering({ stdout: looks(unit('activating'), 1) })
  await expect(waitForUnit(slow.on, 'a', { timeoutMs: 200 })).rejects.toThrow(
    /last seen: activating \(dead\), 1 jobs pending/,
  )
})

test("a user's units are asked of the user's own manager", async () => {
  const { host, on } = answering({ stdout: unit('active') })
  expect(await getUnitInfo(on, 'a', { user: 'alice' })).toMatchObject({
    ActiveState: 'active',
    Description: 'x=y',
  })
  expect(host.ran[0]).toMatch(/runuser -u "\$user" .*XDG_RUNTIME_DIR=.* alice .*scope=--user/s)
})

test('a state is required by its name, and arguments are words or a list', async () => {
  const { host, on } = answering({ stdout: unit('inactive') })
  await requireUnitState(on, 'a', 'inactive')
  await expect(requireUnitState(on, 'a')).rejects.toThrow(
    'vm1: the unit a was to be active and is inactive (dead)',
  )
  await systemctl(on, ' list-jobs   --full ')
  await systemctl(on, ['show', 'a b'])
  expect(host.ran.slice(-2)).toEqual([
    expect.stringMatching(/sh list-jobs --full$/),
    expect.stringMatching(/sh show 'a b'$/),
  ])
})

test('a machine without systemd says so at once', async () => {
  const { host, on } = answering({ exitCode: 97 })
  await expect(waitForUnit(on, 'a')).rejects.toThrow(/vm1 does not run systemd/)
  await expect(getUnitInfo(on, 'a')).rejects.toThrow(MachineError)
  expect(host.ran).toHaveLength(2)
})
