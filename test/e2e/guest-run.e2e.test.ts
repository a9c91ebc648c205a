import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { scratchFolder } from '../scratch-folder.ts'

const dpbench = [resolve('bin/dpbench.ts'), 'guest', 'run']
const vitest = [resolve('node_modules/vitest/vitest.mjs'), 'run']

interface Ran {
  readonly code: number | null
  readonly output: string
}

/** `onLine` may end it. */
async function run(
  cwd: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  onLine: (line: string, stop: () => void) => void = () => undefined,
): Promise<Ran> {
  const child = spawn(process.execPath, [...argv], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      output += `${line}\n`
      onLine(line, () => child.kill('SIGINT'))
    })
  const code = await new Promise<number | null>((done) => void child.once('close', done))
  return { code, output: stripVTControlCharacters(output) }
}

function workspaces(): string[] {
  return readdirSync(tmpdir()).filter((name) => /^dpbench-guest-.{6}$/.test(name))
}

/** Those that this process' children started: the marker in their environment names the guest of a run. */
function emulators(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
      return environment.includes('DPBENCH_GUEST=') && environment.includes(`DPBENCH_E2E=${process.pid}`)
    } catch {
      return false // it has ended
    }
  })
}

/** A project of its own, in which dpbench is installed as it lies here. */
async function project(): Promise<string> {
  const cwd = scratchFolder()
  await mkdir(join(cwd, 'node_modules'))
  await symlink(resolve('.'), join(cwd, 'node_modules/dpbench'))
  await symlink(resolve('node_modules/vitest'), join(cwd, 'node_modules/vitest'))
  return cwd
}

test('the example: a test per subtest, and results', { timeout: 360_000 }, async () => {
  const cwd = await project()
  for (const name of ['kernel.test.ts', 'package.json', 'scratch-disks.sh', 'vitest.config.ts'])
    await cp(join('examples/guest-run', name), join(cwd, name))
  const { code, output } = await run(cwd, [...vitest, '--reporter=verbose'])
  expect(code, output).toBe(0)
  for (const name of ['sizes', 'file-system', 'read-only'])
    expect(output).toMatch(new RegExp(`✓ .*scratch-disks\\.sh > ${name}`))
  const [tag] = readdirSync(join(cwd, 'results'))
  const folder = join(cwd, 'results', tag!, 'scratch-disks.sh')
  const record = JSON.parse(await readFile(join(folder, 'guest-run.json'), 'utf8'))
  expect(record.verdict.outcome).toBe('success')
  expect(await readFile(join(folder, 'stdout.log'), 'utf8')).toContain('disks: /dev/vda /dev/vdb')
  expect(await readFile(join(folder, 'uploads/dumpe2fs.txt'), 'utf8')).toContain('Filesystem volume name')
  expect(existsSync(join(cwd, 'results', tag!, 'junit.xml'))).toBe(true)
})

test(
  "a test of ktest's, unchanged, among the suites of a project with the plugin",
  { timeout: 360_000 },
  async () => {
    const cwd = await project()
    await cp(resolve('test/guest-run/ktest'), join(cwd, 'ktest'), { recursive: true })
    await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(cwd, 'key')])
    const config = {
      ...JSON.parse(await readFile('examples/plain-routing/config.json', 'utf8')),
      key_file: 'key',
      public_key_file: 'key.pub',
    }
    await writeFile(join(cwd, 'config.json'), JSON.stringify(config))
    await writeFile(join(cwd, 'package.json'), '{"type": "module"}')
    await writeFile(
      join(cwd, 'vitest.config.ts'),
      "import { dpbench } from 'dpbench/plugin'\nexport default { plugins: [dpbench()] }\n",
    )
    await writeFile(
      join(cwd, 'mirror.test.ts'),
      "import { guestRun } from 'dpbench'\nguestRun('ktest/block/mirror.ktest', { tag: 'guest' })\n",
    )
    const { code, output } = await run(cwd, vitest, { DPBENCH_ENV_CONFIG_FILE: 'config.json' })
    expect(code, output).toBe(0)
    expect(output).toMatch(/ext4\s+plain .* PASS/)
    expect(output).toMatch(/sizes\s+plain .* PASS/)
    const folder = join(cwd, 'results/guest/mirror.ktest')
    expect(await readFile(join(folder, 'stdout.log'), 'utf8')).toMatch(/^initialised once$/m)
    expect(await readFile(join(folder, 'subtests/ext4/status'), 'utf8')).toBe('PASSED\n')
    expect(existsSync(join(folder, 'uploads/file'))).toBe(true)
  },
)

test('a kernel of one’s own, from its source tree, without an initrd', { timeout: 180_000 }, async () => {
  const cwd = scratchFolder()
  const tree = join(cwd, 'linux')
  await mkdir(join(tree, 'arch/x86'), { recursive: true })
  await writeFile(join(tree, 'Kconfig'), 'config EXT4_FS\n')
  const lines = [
    'olddefconfig defconfig tinyconfig:\n\techo CONFIG_FROM_$@=y >> $(O)/.config',
    'bzImage:\n\tmkdir -p $(O)/arch/x86/boot && cp $(O)/.config $(O)/arch/x86/boot/bzImage',
  ]
  await writeFile(join(tree, 'Makefile'), `${lines.join('\n')}\n`)
  await writeFile(join(cwd, 'a.sh'), '#!/bin/sh\n# MEM=256M\n# SCRATCH=64M\n')
  const images = { XDG_CACHE_HOME: join(cwd, 'cache') }
  await mkdir(images.XDG_CACHE_HOME)
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'dpbench')
  await mkdir(join(images.XDG_CACHE_HOME, 'dpbench'))
  for (const name of ['guest-image', 'accelerator.json'])
    await symlink(join(cache, name), join(images.XDG_CACHE_HOME, 'dpbench', name))
  const configured = await run(
    cwd,
    [dpbench[0]!, 'guest', 'config', '--kernel-source', tree, 'tinyconfig'],
    images,
  )
  expect(configured.code, configured.output).toBe(0)
  const dryRun = [...dpbench, '--dry-run', '--kernel-source', tree, 'a.sh']
  const { code, output } = await run(cwd, dryRun, images)
  expect(code, output).toBe(0)
  expect(output).toContain(`building the kernel of ${tree}`)
  const kernel = /-kernel (\S+bzImage) -append 'root=\/dev\/vdb1 rootfstype=ext4/.exec(output)?.[1]
  expect(kernel?.startsWith(join(images.XDG_CACHE_HOME, 'dpbench/kernels/linux-'))).toBe(true)
  const config = await readFile(kernel!, 'utf8')
  expect(config).toMatch(/^CONFIG_FROM_tinyconfig=y$/m)
  expect(config).toMatch(/^CONFIG_EXT4_FS=y$/m)
  expect((await run(cwd, dryRun, images)).output).not.toContain('building')
})

test('a panic is the verdict; an interrupted run leaves nothing behind', { timeout: 360_000 }, async () => {
  process.env['DPBENCH_E2E'] = String(process.pid)
  const cwd = scratchFolder()
  const before = workspaces()
  const panic = join(cwd, 'panic.sh')
  await writeFile(panic, '#!/bin/sh\n# MEM=256M\necho about to\nsync\necho c > /proc/sysrq-trigger\n')
  const panicked = await run(cwd, [...dpbench, '--tag', 'panic', panic])
  expect(panicked.code, panicked.output).toBe(1)
  expect(panicked.output).toMatch(/✖ panic\.sh: panic after .*sysrq triggered crash/)

  const hangs = join(cwd, 'hangs.sh')
  await writeFile(hangs, '#!/bin/sh\n# MEM=256M\n# SCRATCH=64M\nsleep 600\n')
  let seen: string[] = []
  const stopped = await run(cwd, [...dpbench, '--tag', 'hangs', hangs], {}, (line, stop) => {
    if (!line.includes('the script begins')) return
    seen = emulators()
    stop()
  })
  expect(seen).toHaveLength(1)
  expect(stopped.code, stopped.output).toBe(130)
  expect(emulators()).toEqual([])
  expect(workspaces().filter((name) => !before.includes(name))).toEqual([])
})
