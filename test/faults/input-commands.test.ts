/** Bad input through the command that a user types: exit 0 or 2, sentences, in time, and nothing begun. */
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as fc from 'fast-check'
import { parseGuestRun } from '../../bin/guest-run-options.ts'
import { Values, planOf, planOptions } from '../../bin/flow-options.ts'
import { refuseUnknown, takeOptions, takeRepeated } from '../../bin/options.ts'
import { tryLocally } from '../../src/core/local-command.ts'
import { readSettings, settingVariables } from '../../src/vitest/settings.ts'
import { dpserviceConfig, site } from '../config/dpservice-file.ts'
import { dpbenchBin, foreignEnvironment, stackTrace } from '../e2e/support/project.ts'
import { fullRecord } from '../report/fixtures.ts'
import { damagedJson, nastyText } from './support/mutations.ts'
import { property, survives } from './support/property.ts'

const optionNames = [
  'mem',
  'test',
  'success',
  'port',
  'times',
  'loop',
  'flow-count',
  'run-time',
  'kernel',
  'x',
  'constructor',
]
const argument = fc.oneof(
  nastyText,
  fc.constantFrom(...optionNames).map((name) => `--${name}`),
  fc.tuple(fc.constantFrom(...optionNames), nastyText).map(([name, value]) => `--${name}=${value}`),
  fc.constantFrom('-ISFL', '-Z', '--', '-', '--=', '(', '[', '1e9', '-1', '65536', '999999999999999999999'),
)

property(
  'options and variables of any kind are taken, or refused in sentences',
  { counted: 'command lines', quick: 300, whole: 6000 },
  async (tally) => {
    const argv = fc.array(argument, { maxLength: 6 })
    const variables = fc.dictionary(fc.constantFrom(...Object.values(settingVariables)), nastyText, {
      maxKeys: 5,
    })
    await tally.random(fc.tuple(argv, variables), async ([args, env]) => {
      await survives(() => parseGuestRun(args))
      await survives(() => {
        const { values, rest } = takeOptions(args, planOptions)
        refuseUnknown(rest, planOptions)
        const read = new Values(values)
        const plan = planOf(read)
        read.settle()
        if (![...plan.flowCounts, plan.runSeconds, plan.rounds, plan.firstPort].every((each) => each > 0))
          throw new TypeError('a plan that cannot be')
      })
      await survives(() => takeRepeated(args, { name: 'test', value: 'NAME', help: '' }))
      await survives(() => {
        const { modes } = readSettings(env, env['DPBENCH_MODE'])
        if (!Array.isArray(modes)) throw new TypeError('modes that are none')
      })
    })
  },
)

/** With `ODD` in the place of what is odd. None of them begins anything before it has read all that it was given. */
const commands = [
  ['ODD'],
  ['guest', 'ODD'],
  ['provision', '--disk-template', 'guest.img', '--dry-run'],
  ['provision', '--disk-template', 'ODD', '--dry-run'],
  ['provision', '--disk-template', 'guest.img', '--dry-run', '--xml-template-name', 'ODD'],
  ['provision', '--disk-template', 'guest.img', '--env-config-name', 'ODD'],
  ['run', '--mode', 'ODD'],
  ['run', '--mode', 'offload', '--profile', 'ODD'],
  ['run', '--mode', 'offload', '--verdict=ODD'],
  ['report', 'results/latest'],
  ['report', 'results/latest', '--format', 'ODD'],
  ['report', 'ODD'],
  ['compare', 'results/latest', 'results/latest'],
  ['history', 'results'],
  ['ssh', 'vm1', '--env-config-name', 'ODD'],
  ['pairs', 'ODD', '--local', 'vm1', '--remote', 'vm2'],
  ['flow', '--from', 'vm1', '--to', 'vm2', '--flow-count', 'ODD'],
  ['guest', 'run', 'ODD', '--list'],
  ['lab', 'down', '--name', '../ODD'],
  ['lab', 'ODD'],
] as const

property(
  'the command itself, given damaged files and odd options: exit 0 or 2, no stack trace, nothing begun',
  { counted: 'commands', quick: 3, whole: 120 },
  async (tally) => {
    const { cwd, env } = site()
    writeFileSync(path.join(cwd, 'package.json'), '{ "type": "module" }')
    writeFileSync(path.join(cwd, 'guest.img'), 'a disk')
    await tryLocally(['mkdir', '-p', path.join(cwd, 'results/latest')])
    const list = (folder: string): string[] =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
    const config = path.join(cwd, 'config/test_configurations.json')
    const record = path.join(cwd, 'results/latest/run.json')
    for (const file of [config, record]) writeFileSync(file, '')
    const before = list(cwd)
    // what stands in an argument has no NUL
    const odd = nastyText
      .map((text) => text.replaceAll('\0', '').slice(0, 300))
      .filter((text) => text.isWellFormed())
    const files = fc.tuple(damagedJson(dpserviceConfig()), damagedJson(fullRecord()))
    const call = fc.tuple(fc.constantFrom(...commands), odd, files)
    await tally.random(call, async ([command, value, [configText, recordText]]) => {
      writeFileSync(config, configText)
      writeFileSync(record, recordText)
      const argv = command.map((each) => each.replace('ODD', () => value))
      const result = await tryLocally([process.execPath, dpbenchBin, ...argv], {
        cwd,
        env: { ...foreignEnvironment(), ...env },
        timeoutMs: 60_000,
      })
      const said = `${result.stdout}\n${result.stderr}`
      const told = `dpbench ${argv.map((each) => JSON.stringify(each)).join(' ')}: ${said.slice(0, 1500)}`
      if (result.timedOut) throw new TypeError(`it does not end: ${told}`)
      if (result.exitCode !== 0 && result.exitCode !== 2)
        throw new TypeError(`exit ${result.exitCode}: ${told}`)
      if (stackTrace.test(said)) throw new TypeError(`a stack trace: ${told}`)
      if (result.exitCode === 2 && !/\S+ \S+/.test(result.stderr)) throw new TypeError(`no sentence: ${told}`)
      // Vitest's own caches are there as soon as it has looked for its configuration, ours of compiled code at once
      const made = list(cwd).filter(
        (name) =>
          !before.includes(name) &&
          !/^(node_modules|home\/\.local|home\/\.cache($|\/dpbench($|\/compiled)))/.test(name),
      )
      if (made.length > 0) throw new TypeError(`it made ${made.join(', ')}: ${told}`)
    })
  },
)
