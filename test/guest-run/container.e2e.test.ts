/** The script of a container function against a real engine: the Docker of a lab's hypervisor, in the place of a guest's podman. */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/index.ts'
import type { CommandResult } from '../../src/core/command-result.ts'
import { shell } from '../../src/core/shell-quote.ts'
import { hypervisorAddress } from '../../src/environment/addresses.ts'
import { type ContainerFunction, containerScript } from '../../src/guest-run/container/script.ts'
import { sendFiles } from '../../src/guest-run/launch/hypervisor-files.ts'
import { Hypervisor } from '../../src/machine/hypervisor.ts'
import type { SshHost } from '../../src/transport/ssh/ssh-host.ts'
import { useLab } from '../e2e/support/lab.ts'
import { whyNoLab } from '../lab/support.ts'
import { tinyPort, writeTinyImage } from './support/tiny-image.ts'

/** On the hypervisor. */
const folder = '/var/tmp/container-function'

describe.skipIf(whyNoLab.length > 0)('a container function, in an engine', { timeout: 180_000 }, () => {
  const lab = useLab()
  let connected: Hypervisor
  let ssh: SshHost
  beforeAll(async () => {
    const config = await loadConfig({ file: lab.description.configFile })
    connected = await Hypervisor.connect(hypervisorAddress(config, config.hypervisors[0]!))
    ssh = connected.ssh
    await ssh.run(['mkdir', folder])
    await using here = await mkdtempDisposable(join(tmpdir(), 'dpbench-test-'))
    await writeTinyImage(join(here.path, 'image.tar'), here.path)
    await sendFiles(ssh, [join(here.path, 'image.tar')], folder, new AbortController().signal)
  })
  afterAll(async () => {
    await ssh.run(shell('docker image rm test/tiny:1 >/dev/null; rm -r -- "$1"', folder))
    await connected[Symbol.asyncDispose]()
  })

  const container: ContainerFunction = {
    archive: 'image.tar',
    args: ['serve', '/etc/registry.yml'],
    environment: [],
    port: tinyPort,
    probe: `exec 3<>/dev/tcp/127.0.0.1/${tinyPort}; printf 'GET /v2/ HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`,
    readySeconds: 20,
  }

  async function run(more: Partial<ContainerFunction>): Promise<CommandResult> {
    await ssh.writeFile(`${folder}/fn.sh`, containerScript({ ...container, ...more }), { mode: 0o755 })
    const script = 'cd "$1" && mkdir -p results && DPBENCH_SCRATCH= DPBENCH_RESULTS=$PWD/results ./fn.sh'
    const result = await ssh.tryRun(shell(script, folder))
    await ssh.tryRun(['docker', 'rm', '--force', 'function']) // left by one that fails, as its VM goes with it
    return result
  }

  test('is loaded from its archive, started, asked, stopped, and its log kept', async () => {
    const { stdout } = await run({ expect: '^HTTP/1.0 200', logHas: 'listening on 127' })
    expect(stdout).toMatch(
      /loaded test\/tiny:1.*\n.*listens on port 50051.*\n.*was answered.*\n.*stopped: exited/,
    )
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('TEST SUCCESS')
    const { stdout: kept } = await ssh.run(shell('cat "$1"/results/*', folder))
    expect(kept).toContain('200 OK')
    expect(kept).toContain('listening on')
  })

  test.each([
    ['its answer', { expect: 'teapot' }, /the probe's answer does not match teapot/],
    ['a line of its log', { logLacks: 'listening' }, /a line of its log matches listening/],
    ['a line that is not in it', { logHas: 'gone for good' }, /no line of its log matches gone for good/],
    ['its end', { args: ['serve', '/nowhere.yml'] }, /it ended before it listened .*exit status 1/],
  ] as const)('fails by %s, with its log', async (_, more, why) => {
    const { stdout, exitCode } = await run(more)
    expect(stdout).toMatch(why)
    expect(stdout).toMatch(/^TEST FAILED$/m)
    expect(exitCode).toBe(1)
  })
})
