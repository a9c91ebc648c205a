import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/index.ts'
import { hypervisorAddress } from '../../src/environment/addresses.ts'
import { leaseHypervisor } from '../../src/environment/hypervisor-lease.ts'
import { Hypervisor } from '../../src/machine/hypervisor.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { useLab } from './support/lab.ts'

const lab = useLab()
const dpbench = resolve('bin/dpbench.ts')
const images = '/var/lib/libvirt/images/dpbench'

interface Ran {
  readonly code: number | null
  readonly output: string
}

/** `onLine` may kill it. */
async function guest(
  cwd: string,
  argv: readonly string[],
  onLine: (line: string, kill: () => void) => void = () => undefined,
): Promise<Ran> {
  const config = ['--env-config-file', lab.description.configFile]
  const child = spawn(process.execPath, [dpbench, 'guest', ...argv, ...config], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      output += `${line}\n`
      onLine(line, () => child.kill('SIGKILL'))
    })
  const code = await new Promise<number | null>((done) => void child.once('close', done))
  return { code, output }
}

test(
  'a guest of a hypervisor goes with a killed controller, and the next run takes its files',
  { timeout: 480_000 },
  async () => {
    const cwd = scratchFolder()
    const script = join(cwd, 'disks.sh')
    await writeFile(
      script,
      '#!/bin/sh\n# MEM=256M\n# SCRATCH=64M\n[ "$(blockdev --getsize64 /dev/vda)" = 67108864 ] && echo TEST SUCCESS\n',
    )
    const run = ['run', '--on', 'hypervisor-1', script]
    {
      const config = await loadConfig({ file: lab.description.configFile })
      await using connected = await Hypervisor.connect(hypervisorAddress(config, config.hypervisors[0]!))
      await using _held = await leaseHypervisor(connected.ssh, { what: 'another run' })
      const refused = await guest(cwd, run)
      expect(refused.code, refused.output).toBe(3)
      expect(refused.output).toMatch(/hypervisor-1: another run of .* holds this hypervisor/)
    }
    const killed = await guest(cwd, run, (line, kill) => line.includes('the guest is up') && kill())
    expect(killed.code, killed.output).toBe(null)

    const { code, output } = await guest(cwd, [...run, '--tag', 'next'])
    expect(code, output).toBe(0)
    expect(output).toMatch(/taking back what an earlier guest run left: folder .*, guest /)
    const record = JSON.parse(await readFile(join(cwd, 'results/next/disks.sh/guest-run.json'), 'utf8'))
    expect(record.launcher).toBe('libvirt')
    expect((await lab.shell('hypervisor-1', 'virsh list --all --name')).trim()).toBe('')
    expect(await lab.shell('hypervisor-1', `ls ${images}`)).toMatch(/^guest-run-image-[0-9a-f]+\n?$/)

    const removed = await guest(cwd, ['image', '--remove-from', 'hypervisor-1'])
    expect(removed.output).toMatch(/removed .*guest-run-image-/)
    expect((await lab.tryShell('hypervisor-1', `test -e ${images}`)).exitCode).toBe(1)
  },
)
