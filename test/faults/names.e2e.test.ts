/** Names and values that a shell would run, or that lead out of their folder, through real hosts: nothing of it comes to pass. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { groupOf } from '../pairs/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import { Project, dpbenchBin, stackTrace } from '../e2e/support/project.ts'
import { expectAsBefore, type Snapshot } from '../e2e/support/snapshot.ts'
import { benchSize, property } from './support/property.ts'

/** Whatever runs it leaves a file called `pwned` in a folder that is looked at. */
const names = [
  '$(touch /tmp/pwned)',
  '`touch /tmp/pwned`',
  "'; touch /tmp/pwned; '",
  '"; touch /tmp/pwned; "',
  '; touch pwned',
  '| tee pwned',
  '&& touch ~/pwned #',
  '> /tmp/pwned',
  'a\ntouch /tmp/pwned\n',
  '--option',
  '-rf',
  '../../pwned',
  '*',
  '%s%n\\x41',
  '🦀 ü',
  '\u202Edenwp',
  '${IFS}touch${IFS}pwned',
  '!touch',
]
/** As files: without what no file may be called. */
const fileNames = names.map((name) => name.replaceAll('/', '_').replaceAll('\n', '_'))

const suiteOf = (tried: readonly string[]): string => `
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'dpbench'
const here = mkdtempSync(join(tmpdir(), 'names-'))
for (const [index, name] of ${JSON.stringify(tried)}.entries())
  test(name, async ({ vm, hypervisor, change }) => {
    const plain = name.replaceAll('/', '_').replaceAll('\\n', '_')
    for (const machine of [vm.vm1, hypervisor['hypervisor-1']]) {
      const folder = '/tmp/dpbench-names-' + index
      await change(machine, {
        what: name,
        commands: [['mkdir', folder], ['sh', '-c', 'printf %s "$1" > "$2"', name, name, folder + '/value']],
        undo: [['rm', '-rf', '--', folder]],
      })
      expect(await machine.succeed('cat ' + folder + '/value')).toBe(name)
      writeFileSync(join(here, plain), name)
      await machine.copyToGuest(join(here, plain), folder + '/' + plain)
      await machine.waitForFile(folder + '/' + plain, { timeoutMs: 5000 })
      await machine.copyFromGuest(folder + '/' + plain, join(here, 'back', plain))
      await machine.systemctl(['status', '--', name]).catch(() => undefined)
      await machine.getUnitInfo(name).catch(() => undefined)
      machine.log(name)
    }
  })
`

describe.skipIf(whyNoLab.length > 0)('names and values', () => {
  const lab = useLab()

  /** By machine, what a shell that ran one of them would have left; the controller is one too. */
  async function pwned(project: Project): Promise<string[]> {
    const look = 'ls -d /pwned* /tmp/*pwned* ~/*pwned* /root/*pwned* /run/pwned* 2>/dev/null || true'
    const found = await Promise.all(
      lab.machines.map(async (machine) =>
        (await lab.shell(machine, look)).split('\n').map((line) => [machine, line]),
      ),
    )
    const here = [project.folder, path.dirname(project.folder), '/tmp', '/'].flatMap((folder) =>
      readdirSync(folder).flatMap((name) =>
        name.startsWith('pwned') ? [['the controller', path.join(folder, name)]] : [],
      ),
    )
    return [...found.flat(), ...here].filter(([, line]) => line !== '').map((one) => one.join(': '))
  }

  /** Of what was tried: nothing to put back, the machines as before, and nothing that a name has made. */
  async function nothingLeft(project: Project, before: Snapshot): Promise<string[]> {
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
    return pwned(project)
  }

  // a whole run: too long for the quick size, which has 20 s for all
  if (benchSize === 'whole')
    property(
      'names of tests, files, values and environment through a run on real hosts reach no shell as code and leave no folder',
      { counted: 'names', quick: 4, whole: names.length, timeoutMs: 240_000 },
      async (tally) => {
        const tried = names.slice(0, tally.wanted)
        const environment = Object.fromEntries(names.map((name, index) => [`ODD_${index}`, name]))
        const project = await Project.create(lab, {
          suites: { 'odd $(touch pwned).test.ts': suiteOf(tried) },
          edit: (config) => {
            for (const { dpservice } of config.hypervisors)
              dpservice.environment = { ...dpservice.environment, ...environment }
          },
        })
        const before = await lab.snapshot()
        const known = readdirSync(project.folder)
        const { status, text } = await project.run('--mode', 'offload', '--tag', 'odd')
        expect(text).not.toMatch(stackTrace)
        expect(status, text).toBe(0)
        const { tests } = await project.record()
        for (const name of tried)
          await tally.try(JSON.stringify(name), async () => {
            const ran = tests.find((each) => each.name === name)
            return ran?.result.state === 'passed' ? [] : [`${ran?.result.state ?? 'did not run'}`]
          })
        await tally.try('what is there after it', async () => {
          const made = readdirSync(project.folder).filter((name) => !known.includes(name))
          expect(made.sort()).toEqual(['.dpbench', 'results'])
          expect(readdirSync(path.join(project.folder, 'results')).sort()).toEqual(['latest', 'odd'])
          return nothingLeft(project, before)
        })
      },
    )

  property(
    'programs, groups and variables of pairs with such names run on real hosts as they are called',
    { counted: 'programs', quick: 3, whole: 18, timeoutMs: 120_000 },
    async (tally) => {
      const project = await Project.create(lab)
      const before = await lab.snapshot()
      const programs = fileNames.slice(0, tally.wanted)
      const made = await groupOf(
        Object.fromEntries([
          ...programs.map((name) => [`local/${name}`, '#!/bin/sh\nprintf %s "$ODD"\n'] as const),
          ['remote/r', '#!/bin/sh\nexit 0\n'] as const,
        ]),
        'group $(touch pwned)',
      )
      const odd = names.slice(0, 8).join('')
      const machines = ['--local', 'vm1', '--remote', 'hypervisor-1']
      const argv = [dpbenchBin, 'pairs', made, ...machines, '--tag', 't', '--env', `ODD=${odd}`]
      const { status, text } = await project.startNode([...argv, '--env-config-file', project.configFile])
        .ended
      expect(text).not.toMatch(stackTrace)
      expect(status, text).toBe(0)
      const results = path.join(project.folder, 'results/t', path.basename(made))
      const folders = readdirSync(results)
      for (const name of programs)
        await tally.try(JSON.stringify(name), () =>
          folders.includes(`${name}_x_r`) ? [] : ['it has no results'],
        )
      await tally.try('what is there after it', () => nothingLeft(project, before))
    },
  )

  property(
    'options and keys with such values are refused, or taken as they are; no host is changed',
    { counted: 'commands', quick: 2, whole: 60, timeoutMs: 240_000 },
    async (tally) => {
      const project = await Project.create(lab)
      const before = await lab.snapshot()
      const folder = path.join(project.folder, 'odd')
      mkdirSync(folder)
      writeFileSync(path.join(folder, '$(touch pwned) "\' ;.json'), '{}')
      const config = ['--env-config-file', project.configFile]
      const commands = names.flatMap((name) => [
        ['run', '--mode', 'offload', '--docker-image', name, ...config],
        ['run', '--mode', 'offload', '--tag', name, ...config, 'nosuchsuite'],
        ['run', '--mode', 'offload', '--baseline', name, ...config],
        ['ssh', name, ...config],
        ['lab', 'down', '--name', name],
      ])
      // from all of them in turn, not the first ones
      const step = Math.max(1, Math.floor(commands.length / tally.wanted))
      for (const argv of commands.filter((_, index) => index % step === 0).slice(0, tally.wanted))
        await tally.try(JSON.stringify(argv.slice(0, -2)), async () => {
          const { status, text } = await project.startNode([dpbenchBin, ...argv]).ended
          return [
            ...(status === 2 ? [] : [`exit ${status}: ${text.slice(0, 500)}`]),
            ...(stackTrace.test(text) ? ['a stack trace'] : []),
            ...(project.hasState || project.hasResults ? ['it left a folder'] : []),
          ]
        })
      await tally.try('what is there after it', () => nothingLeft(project, before))
    },
  )
})
