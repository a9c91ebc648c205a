/** What suites can do beyond measuring: keep what a failing test ran on, stop at the terminal, drive a service under faults. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { quoteArgv } from '../../src/core/shell-quote.ts'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { plainConfig } from './support/plain-config.ts'
import { plainProject } from './support/plain-project.ts'
import { Project, dpbenchBin, foreignEnvironment } from './support/project.ts'
import { tryLocally } from '../../src/core/local-command.ts'

const change = `
  await change(vm.vm1, { what: 'a file', commands: [['touch', '/tmp/own-1']], undo: [['rm', '-f', '/tmp/own-1']] })
  const lasting = { what: 'another', lasts: 'run', commands: [['mkdir', '/tmp/own-2']], undo: [['rm', '-rf', '/tmp/own-2']] }
  await change(hypervisor['hypervisor-1'], lasting)
  await change(hypervisor['hypervisor-1'], lasting)`
const there = 'ls -d /tmp/own-1 /tmp/own-2 2>/dev/null || true'

const suite = `
import { expect, test } from 'dpbench'
let looks = 0
test('changes', async ({ vm, hypervisor, change, dataplane, subtest, pollingCondition }) => {${change}
  pollingCondition('counted', () => void looks++, { intervalMs: 10 }) // ends with the test
  await expect(dataplane.route(vm.vm1, vm.vm2)).rejects.toThrow(/needs a data plane, and .*"dataplane": "none"/)
  await subtest('judged', () => expect(process.env.OWN_FAILS).toBeUndefined())
})
test('after it', async ({ vm }) => {
  const before = looks
  await vm.vm1.succeed('[ ! -e /tmp/own-1 ]')
  expect([before > 0, looks]).toEqual([true, before])
})
`

describe.skipIf(whyNoLab.length > 0)('on machines', { timeout: 360_000 }, () => {
  const lab = useLab()
  const seen = async (): Promise<string> =>
    (await Promise.all(['vm1', 'hypervisor-1'].map((machine) => lab.shell(machine, there)))).join('')

  test('--keep-on-failure leaves what was made, says how to get in, and the next run puts it back', async () => {
    const project = await Project.create(lab, {
      suites: { 'own.test.ts': suite },
      edit: (config) => {
        const { dataplane, ...plain } = plainConfig(config)
        for (const key of Object.keys(config)) delete config[key]
        Object.assign(config, plain, { dataplane })
      },
    })
    const argv = [dpbenchBin, 'run', '--env-config-file', project.configFile, '--keep-on-failure']
    const kept = await project.startNode(argv, { OWN_FAILS: 'yes' }).ended
    expect(kept.status, kept.text).toBe(1)
    expect(kept.text).toContain('FAIL: subtest judged: expected')
    expect(kept.text).toContain('skipped: the machines stay as "changes" left them')
    expect(kept.text).toMatch(
      /kept as "changes" \(plain\) left it.*\n.*npx dpbench ssh hypervisor-1 --env-config-file/,
    )
    expect(await seen()).toBe('/tmp/own-1\n/tmp/own-2\n')
    expect(await project.pending()).toEqual(expect.arrayContaining(['vm1: a file', 'hypervisor-1: another']))

    const next = await project.startNode(argv).ended
    expect(next.status, next.text).toBe(0)
    expect(next.text).toMatch(/putting back what an earlier run left: .*vm1: a file, hypervisor-1: another/)
    expect(await seen()).toBe('')
    expect(await project.pending()).toEqual([])
  })

  test('the example of a service on two VMs, with link faults', async () => {
    const text = await readFile('examples/service-with-link-faults/service.test.ts', 'utf8')
    const project = await Project.create(lab, { suites: { 'service.test.ts': text } })
    const { status, text: said } = await project.run('--mode', 'offload')
    expect(status, said).toBe(0)
    const { tests, steps } = await project.record()
    expect(tests).toMatchObject([{ name: 'a service survives cut links', result: { state: 'passed' } }])
    const phases = steps.filter(({ kind }) => kind === 'phase').map(({ name }) => name)
    for (const side of ['server', 'client'])
      expect(phases).toContain(`subtest the link of the ${side} is cut and comes back › step back`)
    expect(await project.pending()).toEqual([])
  })
})

describe('at a terminal', { timeout: 180_000 }, () => {
  const body = "await new Promise((resolve) => setTimeout(resolve, 10)); throw new Error('as planned')"

  /** A terminal of its own, at which Enter is typed as often as the prompt has come. */
  async function atTerminal(project: Project, options: readonly string[]): Promise<string> {
    const run = quoteArgv([
      process.execPath,
      dpbenchBin,
      'run',
      '--env-config-file',
      project.configFile,
      ...options,
    ])
    // a terminal's lines come back with what is typed, so the typing end waits for the prompt in the file
    const typing = 'until grep -q "Enter goes on" "$1"; do sleep 0.2; done; sleep 0.3; echo'
    const script = `(${typing}) | timeout 50 script -qfec "$2" "$1" >/dev/null; cat "$1"`
    const { stdout } = await tryLocally(['sh', '-c', script, 'sh', join(project.folder, 'typescript'), run], {
      cwd: project.folder,
      env: { ...foreignEnvironment(), CI: 'true' },
      timeoutMs: 55_000,
    })
    return stdout
  }

  test('--break-on-failure stops there until Enter, and the exit code stays', async () => {
    const project = await plainProject({ own: { fails: body } })
    const shown = await atTerminal(project, ['--mode', 'offload', '--break-on-failure'])
    expect(shown).toContain('breakpoint (failed: as planned) in "fails": stopped')
    expect(shown).toMatch(/vm1 +on hypervisor-1 +npx dpbench ssh vm1/)
    expect(shown.indexOf('Enter goes on.')).toBeLessThan(shown.indexOf('ERROR: as planned'))
    expect(shown).toMatch(/COMMAND_EXIT_CODE="3"/)
  })

  test('a breakpoint outlasts the time limit of its test, which fails', async () => {
    const project = await plainProject({ own: {} })
    const suite = `import { test as base } from 'dpbench'
const test = base.extend('thing', ({}, { onCleanup }) => {
  const began = performance.now()
  onCleanup(() => console.log('taken back after ' + Math.round(performance.now() - began) + ' ms'))
  return 1
})
test('looked at', { timeout: 150 }, async ({ thing, breakpoint }) => { await breakpoint('here') })`
    await writeFile(join(project.folder, 'benchmark/own.test.ts'), suite)
    const shown = await atTerminal(project, ['--mode', 'offload'])
    expect(shown).toMatch(/breakpoint \(here\) in "looked at": stopped[^]*time limit of its own, 0\.15 s,/)
    expect(Number(/taken back after (\d+) ms/.exec(shown)?.[1]), shown).toBeGreaterThan(290)
    expect(shown).toContain('Test timed out in 150ms')
  })

  test('without one it is refused', async () => {
    const project = await plainProject({ own: { fails: body } })
    const refused = await project.run('--mode', 'offload', '--break-on-failure')
    expect(refused.status).toBe(2)
    expect(refused.text).toMatch(
      /--break-on-failure stops at a prompt, and this is no terminal: use --keep-on-failure/,
    )
    expect(project.hasResults).toBe(false)
  })
})
