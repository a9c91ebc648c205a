/** Pairs whose machine is lost in the middle: the pair fails with the machine's name, and all is put back when it answers again. */
import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { CommandResult } from '../../src/core/command-result.ts'
import { ConnectionError } from '../../src/core/errors.ts'
import { LastingConnection, type LosableMachine } from '../../src/machine/lasting-connection.ts'
import { removeWorkFolder } from '../../src/machine/work-folder.ts'
import type { RunOptions } from '../../src/transport/host.ts'
import { LocalHost } from '../../src/transport/local-host.ts'
import { bash, groupOf, openGroup, processesWith, thisMachine } from './support.ts'

/** Its commands run on, unheard, when it is lost: as on a machine whose network is gone. */
class Losable implements LosableMachine {
  readonly name = 'vm1'
  connected = true
  comesBack = true
  asked = 0
  private readonly host = new LocalHost('vm1')
  private lose: (error: Error) => void = () => undefined
  private lost = this.fresh()

  readonly ssh = {
    run: (argv: readonly string[], options?: RunOptions) => this.unlessLost(this.host.run(argv, options)),
    tryRun: (argv: readonly string[], options?: RunOptions) =>
      this.unlessLost(this.host.tryRun(argv, options)),
  }

  async connection(): Promise<Losable['ssh']> {
    this.asked += 1
    if (!this.comesBack) throw new ConnectionError('vm1: no SSH connection to root@192.0.2.1:22')
    this.connected = true
    this.lost = this.fresh()
    return this.ssh
  }

  goAway(): void {
    this.connected = false
    this.lose(new ConnectionError('vm1: the SSH connection to root@192.0.2.1:22 was lost'))
  }

  private unlessLost(work: Promise<CommandResult>): Promise<CommandResult> {
    work.catch(() => undefined)
    return Promise.race([work, this.lost])
  }

  private fresh(): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => undefined)
    this.lose = reject
    return promise
  }
}

async function openWith(vm: Losable, side: 'local' | 'remote', files: Record<string, string>) {
  const lasting = { ...thisMachine('vm1'), ssh: new LastingConnection(vm) }
  const machines = { local: thisMachine('here'), remote: thisMachine('there'), [side]: lasting }
  return openGroup(await groupOf(files), { machines })
}

const sentence = 'vm1: the SSH connection to root@192.0.2.1:22 was lost'

describe('a machine that is lost', { timeout: 60_000 }, () => {
  test.each(['remote', 'local'] as const)(
    'while its %s program runs: the pair fails, its programs are ended, and the next pair runs',
    async (side) => {
      const vm = new Losable()
      const tested = await openWith(vm, side, {
        'local/l': bash('echo begun > begun; sleep 30'),
        'local/m': bash('sleep 0.2'),
        'remote/r': bash('echo begun > begun; setsid sleep 31 & sleep 32'),
      })
      const running = tested.run()
      await delay(1500)
      vm.goAway()
      const outcome = await running
      expect(outcome).toMatchObject({ succeeded: false })
      expect(outcome.reason).toMatch(sentence)
      expect(await tested.read('l_x_r/FAILED')).toContain(sentence)
      expect(await tested.read(`l_x_r/${side}/begun`)).toBe('begun\n')
      expect(await processesWith(tested.folders[0]!)).toBe('')
      expect(await tested.open.run({ local: 'm', remote: 'r', name: 'm_x_r' })).toMatchObject({
        succeeded: true,
      })
    },
  )

  test('while its hook runs: the hook has failed, and nothing of it runs', async () => {
    const vm = new Losable()
    const tested = await openWith(vm, 'remote', {
      'local/l': bash('exit 0'),
      'remote/r': bash('exit 0'),
      before_first_test_remote: bash('sleep 33'),
    })
    const hooks = tested.open.before()
    await delay(1000)
    vm.goAway()
    expect(await hooks).toMatchObject([{ hook: 'before_first_test_remote', fault: sentence }])
    expect(await processesWith(tested.folders[0]!)).toBe('')
  })

  test('and does not answer again: the pair fails with its name, the other side is clean, and the rest is done later', async () => {
    const vm = new Losable()
    const tested = await openWith(vm, 'remote', {
      'local/l': bash('sleep 30'),
      'remote/r': bash('sleep 34'),
    })
    const running = tested.run()
    const failed = expect(running).rejects.toThrow('vm1 was lost, and does not answer again')
    await delay(1000)
    vm.comesBack = false
    vm.goAway()
    await failed
    expect(await tested.read('l_x_r/FAILED')).toContain('vm1')
    await expect(tested.open[Symbol.asyncDispose]()).rejects.toThrow('vm1 was lost')
    expect(vm.asked).toBe(1)
    const [local, remote] = tested.folders.toSorted() as [string, string]
    expect(existsSync(local)).toBe(false)
    expect(await processesWith(remote)).not.toContain('sleep 30')
    // as the journal's entry does it for the next call
    expect(await processesWith(remote)).toContain('sleep 34')
    await removeWorkFolder(new LocalHost(), { path: remote, label: remote.replace(/.*remote-/, '') })
    expect(existsSync(remote)).toBe(false)
    expect(await processesWith(remote)).toBe('')
  })
})
