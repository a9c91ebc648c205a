/** Commands in containers of a real engine, over SSH: one shell for those that follow each other, and what becomes of it. */
import type Docker from 'dockerode'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../src/config/index.ts'
import { waitFor } from '../../src/core/wait.ts'
import { hypervisorAddress } from '../../src/environment/addresses.ts'
import { Hypervisor } from '../../src/machine/hypervisor.ts'
import { accepting } from '../../src/transport/docker/engine-error.ts'
import { execInContainer } from '../../src/transport/docker/exec.ts'
import { useLab } from '../e2e/support/lab.ts'
import { whyNoLab } from '../lab/support.ts'

const node = '/usr/bin/node'
const sleep = (seconds: number): string => `${node} -e 'setTimeout(() => {}, ${seconds * 1000})'`

describe.skipIf(whyNoLab.length > 0)('a command in a container', { timeout: 180_000 }, () => {
  const lab = useLab()
  let hypervisor: Hypervisor
  const connect = async (): Promise<Hypervisor> => {
    const config = await loadConfig({ file: lab.description.configFile })
    return Hypervisor.connect(hypervisorAddress(config, config.hypervisors[0]!))
  }

  beforeAll(async () => {
    hypervisor = await connect()
  })
  afterAll(() => hypervisor[Symbol.asyncDispose]())

  /** Runs until the test is over; of what its image has, the tests need sh and Node. */
  async function container(more: Docker.ContainerCreateOptions = {}): Promise<Docker.Container> {
    const created = await hypervisor.docker.createContainer({
      Image: lab.description.image!,
      Entrypoint: [node, '-e', 'setTimeout(() => {}, 1e6)'],
      Cmd: [],
      HostConfig: { Init: true },
      ...more,
    })
    onTestFinished(() => accepting([404], () => created.remove({ force: true })))
    await created.start()
    return created
  }
  const run = (
    where: Docker.Container,
    argv: readonly string[],
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): ReturnType<typeof execInContainer> => execInContainer('hypervisor-1', where, argv, options)
  const execs = async (where: Docker.Container): Promise<number> => {
    const { ExecIDs: ids } = (await where.inspect()) as { ExecIDs?: readonly string[] | null }
    return ids?.length ?? 0
  }

  test('has its outputs apart, its exit code, nothing to read, and its arguments as they are', async () => {
    const where = await container()
    const both = await run(where, [
      'sh',
      '-c',
      'printf out; printf err >&2; read none || printf -- -none; exit 7',
    ])
    expect(both).toMatchObject({ stdout: 'out-none', stderr: 'err', exitCode: 7, timedOut: false })
    const odd = ["it's", '$(touch /tmp/no)', 'two\nlines', '', '-n', '\\', '"', 'ü€😀', '*', '\u001E']
    expect(
      (await run(where, [node, '-p', 'JSON.stringify(process.argv.slice(1))', '--', ...odd])).stdout,
    ).toBe(`${JSON.stringify(odd)}\n`)
    expect((await run(where, ['sh', '-c', '[ -e /tmp/no ]'])).exitCode).toBe(1)
    expect(await run(where, ['no-such-program'])).toMatchObject({ exitCode: 127 })
    // no builtins of the shell, which would end with the first and forget the second
    expect(await run(where, ['exit', '3'])).toMatchObject({ exitCode: 127 })
    expect((await run(where, ['sh', '-c', 'kill -KILL $$'])).exitCode).toBe(137)
    expect(await run(where, ['sh', '-c', 'cd /usr; A=b; echo "$A"'])).toMatchObject({
      stdout: 'b\n',
      exitCode: 0,
    })
    expect(await run(where, ['sh', '-c', 'pwd; echo "${A-none}"'])).toMatchObject({ stdout: '/\nnone\n' })
    const large = await run(where, [node, '-p', '"abcdefg\\n".repeat(375_000) + "last"'])
    expect(large.stdout.length).toBe(3_000_005)
    expect(large.stdout.slice(-6)).toBe('\nlast\n')
  })

  test('shares one shell with those before it, and needs as many as run at once', async () => {
    const where = await container()
    for (let index = 0; index < 20; index++)
      expect((await run(where, ['sh', '-c', `echo ${index}`])).stdout).toBe(`${index}\n`)
    expect(await execs(where)).toBe(1)
    const waits = [1, 2, 3].map((each) => run(where, ['sh', '-c', `${sleep(1)}; echo ${each}`]))
    const together = await Promise.all(waits)
    expect(together.map(({ stdout }) => stdout)).toEqual(['1\n', '2\n', '3\n'])
    expect(await execs(where)).toBe(3)
  })

  test('without a shell is a process of its own each time', async () => {
    const where = await container({ Env: ['PATH=/nothing'] })
    for (const each of ['a', 'b'])
      expect(await run(where, [node, '-p', `'${each}'`])).toMatchObject({ stdout: `${each}\n`, exitCode: 0 })
    expect(await execs(where)).toBe(0)
  })

  test('that outlives its deadline is told with what it said, and the next one works', async () => {
    const where = await container()
    const late = await run(where, ['sh', '-c', `echo begun; ${sleep(600)}`], { timeoutMs: 1500 })
    expect(late).toMatchObject({ stdout: 'begun\n', exitCode: null, timedOut: true })
    expect(late.durationMs).toBeLessThan(10_000)
    expect(await run(where, ['sh', '-c', 'echo after'])).toMatchObject({ stdout: 'after\n', exitCode: 0 })
    const ended = new AbortController()
    const aborted = run(where, ['sh', '-c', sleep(600)], { signal: ended.signal })
    setTimeout(() => ended.abort(new Error('enough')), 300)
    await expect(aborted).rejects.toThrow('enough')
    expect(await run(where, ['sh', '-c', 'echo again'])).toMatchObject({ stdout: 'again\n', exitCode: 0 })
  })

  test('whose container is killed has no success; after that the engine says no', async () => {
    const where = await container()
    expect((await run(where, ['sh', '-c', ':'])).exitCode).toBe(0)
    const killed = run(where, ['sh', '-c', `echo begun; ${sleep(600)}`])
    await waitFor(
      async () => {
        const { Processes: processes } = (await where.top()) as { Processes: readonly (readonly string[])[] }
        return processes.flat().some((each) => each.includes('600000'))
          ? { state: 'ready', value: undefined }
          : { state: 'pending' }
      },
      { what: 'the command to run', timeoutMs: 20_000 },
    )
    await where.kill({ signal: 'SIGKILL' })
    const outcome = await killed.then(
      ({ exitCode, timedOut }) => ({ exitCode, timedOut }),
      (error: unknown) => ({ statusCode: (error as { statusCode?: number }).statusCode }),
    )
    expect([{ exitCode: 137, timedOut: false }, { statusCode: 404 }]).toContainEqual(outcome)
    await expect(run(where, ['sh', '-c', ':'])).rejects.toMatchObject({ statusCode: 409 })
    await where.start()
    expect(await run(where, ['sh', '-c', 'echo up'])).toMatchObject({ stdout: 'up\n', exitCode: 0 })
    await where.remove({ force: true })
    await expect(run(where, ['sh', '-c', ':'])).rejects.toMatchObject({ statusCode: 404 })
  })

  test('leaves no shell when the connection is gone', async () => {
    const where = await container()
    const other = await connect()
    const result = await execInContainer('hypervisor-1', other.docker.getContainer(where.id), [
      'sh',
      '-c',
      'echo x',
    ])
    expect(result.stdout).toBe('x\n')
    expect(await execs(where)).toBe(1)
    await other[Symbol.asyncDispose]()
    await waitFor(
      async () => {
        const left = await execs(where)
        return left === 0 ? { state: 'ready', value: left } : { state: 'pending', seen: String(left) }
      },
      { what: 'the end of the shell', timeoutMs: 10_000 },
    )
  })
})
