/** The lease of a hypervisor, on a real one, between processes: held, waited for, broken, and gone with its owner. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../src/config/index.ts'
import { waitFor } from '../../src/core/wait.ts'
import { hypervisorAddress } from '../../src/environment/addresses.ts'
import {
  type LeaseOptions,
  breakHypervisorLease,
  leaseHypervisor,
  readHypervisorLease,
} from '../../src/environment/hypervisor-lease.ts'
import { leaseCommand } from '../../src/environment/hypervisor-lease-script.ts'
import { quoteArgv } from '../../src/core/shell-quote.ts'
import { Hypervisor } from '../../src/machine/hypervisor.ts'
import { useLab } from '../e2e/support/lab.ts'
import { Project, dpbenchBin, stackTrace } from '../e2e/support/project.ts'
import { expectAsBefore } from '../e2e/support/snapshot.ts'
import { whyNoLab } from '../lab/support.ts'

describe.skipIf(whyNoLab.length > 0)('the lease of a hypervisor', { timeout: 180_000 }, () => {
  const lab = useLab()

  /** As from another controller: a connection of its own. */
  const connect = async (): Promise<Hypervisor> => {
    const config = await loadConfig({ file: lab.description.configFile })
    const connected = await Hypervisor.connect(hypervisorAddress(config, config.hypervisors[0]!))
    onTestFinished(() => connected[Symbol.asyncDispose]())
    return connected
  }
  const take = async (options: LeaseOptions) => {
    const { ssh } = await connect()
    const lease = await leaseHypervisor(ssh, options)
    onTestFinished(() => lease[Symbol.asyncDispose]())
    return { lease, ssh }
  }
  const holder = async () => readHypervisorLease((await connect()).ssh)

  test('is one owner’s: the next is told who has it, or waits until it is free', async () => {
    const first = await take({ what: 'run a' })
    expect(await holder()).toMatchObject({
      what: 'run a',
      owner: expect.stringMatching(/^\w+@.*, process \d+$/),
    })
    await expect(take({ what: 'run b' })).rejects.toThrow(
      /^hypervisor-1: run a of \w+@\S+, process \d+, since \S+ holds this hypervisor: wait with --wait-for-lease SECONDS/,
    )
    await expect(take({ what: 'run b', waitSeconds: 1 })).rejects.toThrow(/\(waited 1 s\)/)
    const said: string[] = []
    const second = take({ what: 'run b', waitSeconds: 30, log: (line) => void said.push(line) })
    await expect.poll(() => said, { timeout: 10_000 }).toEqual([expect.stringContaining('run a of ')])
    await first.lease[Symbol.asyncDispose]()
    const { lease } = await second
    expect(await holder()).toMatchObject({ what: 'run b' })
    expect(() => first.lease.check()).not.toThrow() // given back is not lost
    await lease[Symbol.asyncDispose]()
    expect(await holder()).toBeUndefined()
    expect(await lab.shell('hypervisor-1', 'ls -d /run/dpbench-lease 2>&1 || true')).toMatch(/No such file/)
  })

  test('ends a wait at once when it is aborted, and leaves no process', async () => {
    await take({ what: 'run a' })
    const stop = new AbortController()
    const waiting = take({ what: 'run b', waitSeconds: 30, signal: stop.signal, log: () => stop.abort() })
    await expect(waiting).rejects.toThrow(/abort/i)
    expect(await lab.shell('hypervisor-1', 'pgrep -c flock || true')).toBe('0\n')
  })

  test('leaves nothing, wherever it is ended', async () => {
    const command = quoteArgv(leaseCommand('{}', 90, 0))
    const ended = await lab.shell(
      'hypervisor-1',
      `mkfifo /tmp/silence && exec 7<> /tmp/silence && rm /tmp/silence
       i=0; while [ $i -lt 25 ]; do i=$((i+1)); for again in '' 1; do
         setsid ${command} <&7 > /dev/null & own=$!
         sleep 0.$(printf %03d $((2 * i))); until kill -s TERM -- -$own; do :; done; [ -z "$again" ] || kill -s TERM -- -$own; wait $own; echo $?
         [ ! -d /run/dpbench-lease ] || { echo left; rm -r /run/dpbench-lease; }
       done; done 2> /dev/null | sort | uniq -c`,
    )
    expect(ended).not.toContain('left')
    expect(ended).toMatch(/ 143\n/)
  })

  test('is lost, and said to be, when it is broken', async () => {
    const { lease } = await take({ what: 'run a' })
    expect(await breakHypervisorLease((await connect()).ssh)).toMatchObject({ what: 'run a' })
    await waitFor(
      async () => {
        try {
          lease.check()
          return { state: 'pending' }
        } catch (error) {
          expect((error as Error).message).toMatch(/^hypervisor-1: the lease was lost: .*somebody broke it/)
          return { state: 'ready', value: undefined }
        }
      },
      { what: 'the owner to notice', timeoutMs: 10_000 },
    )
    await take({ what: 'run b' })
  })

  test('of an owner that died is free, without anybody taking it over', async () => {
    const script = `
      const { loadConfig } = await import(${JSON.stringify(import.meta.resolve('../../src/config/index.ts'))})
      const { Hypervisor } = await import(${JSON.stringify(import.meta.resolve('../../src/machine/hypervisor.ts'))})
      const { hypervisorAddress } = await import(${JSON.stringify(import.meta.resolve('../../src/environment/addresses.ts'))})
      const { leaseHypervisor } = await import(${JSON.stringify(import.meta.resolve('../../src/environment/hypervisor-lease.ts'))})
      const config = await loadConfig({ file: ${JSON.stringify(lab.description.configFile)} })
      const { ssh } = await Hypervisor.connect(hypervisorAddress(config, config.hypervisors[0]))
      await leaseHypervisor(ssh, { what: 'a run to be killed' })
      console.log('held')`
    const project = await Project.create(lab)
    const owner = project.startNode(['--input-type=module', '--eval', script])
    await owner.shows(/^held$/m)
    expect(await holder()).toMatchObject({ what: 'a run to be killed' })
    owner.child.kill('SIGKILL')
    await owner.ended
    await take({ what: 'the next run', waitSeconds: 10 })
  })

  test('at the keyboard: a run names who holds it, `lease` shows it and `lease --break` ends it', async () => {
    const { lease } = await take({ what: 'run a' })
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const refused = await project.run('--mode', 'offload', '-t', 'IPv4 on one hypervisor')
    expect(refused.status, refused.text).toBe(3)
    expect(refused.text).toMatch(
      /hypervisor-1: run a of .* holds this hypervisor: wait with --wait-for-lease SECONDS/,
    )
    expect(refused.text).not.toMatch(stackTrace)
    await expectAsBefore(lab, before)
    const config = ['--env-config-file', project.configFile]
    const command = (...argv: string[]) => project.startNode([dpbenchBin, 'lease', ...argv, ...config]).ended
    expect((await command()).text).toMatch(/^hypervisor-1: run a of .*, since \S+\nhypervisor-2: free\n$/)
    const broken = await command('--break', 'hypervisor-1')
    expect(broken).toMatchObject({
      status: 0,
      text: expect.stringMatching(/^hypervisor-1: broken: run a of /),
    })
    expect((await command()).text).toBe('hypervisor-1: free\nhypervisor-2: free\n')
    expect(await command('hypervisor-3')).toMatchObject({
      status: 2,
      text: expect.stringContaining('the config has no hypervisor hypervisor-3: did you mean hypervisor-1?'),
    })
    await lease[Symbol.asyncDispose]()
  })
})
