import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
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
  onLine: (line: string, stop: () => void) => void = () => undefined,
): Promise<Ran> {
  const child = spawn(process.execPath, [...argv], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      output += `${line}\n`
      onLine(line, () => child.kill('SIGINT'))
    })
  const code = await new Promise<number | null>((done) => void child.once('close', done))
  return { code, output }
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

test('the example: a test per subtest, and results', { timeout: 120_000 }, async () => {
  // a project of its own, in which dpbench is installed as it lies here
  const cwd = scratchFolder()
  await cp('examples/guest-run', cwd, { recursive: true })
  await mkdir(join(cwd, 'node_modules'))
  await symlink(resolve('.'), join(cwd, 'node_modules/dpbench'))
  await symlink(resolve('node_modules/vitest'), join(cwd, 'node_modules/vitest'))
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

test('a panic is the verdict; an interrupted run leaves nothing behind', { timeout: 120_000 }, async () => {
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
  const stopped = await run(cwd, [...dpbench, '--tag', 'hangs', hangs], (line, stop) => {
    if (!line.includes('the script begins')) return
    seen = emulators()
    stop()
  })
  expect(seen).toHaveLength(1)
  expect(stopped.code, stopped.output).toBe(130)
  expect(emulators()).toEqual([])
  expect(workspaces().filter((name) => !before.includes(name))).toEqual([])
})
