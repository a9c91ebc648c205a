/** `dpbench doctor`: what is missing on controller and hypervisors; `--fix` puts right what it can, `--revert` back. */
import {
  type Diagnosis,
  type DoctorOptions,
  type Judgement,
  diagnose,
  exitCodeOf,
  fault,
  fix,
  notApplicable,
  ok,
  renderJson,
  renderText,
  repairsOf,
  revert,
  showRepairs,
  warning,
} from '../src/doctor/index.ts'
import { ExitCode, UsageError } from '../src/core/errors.ts'
import { capabilityFaults } from '../lab/capable.ts'
import { missingPackages } from '../lab/lab.ts'
import { labsFolder } from '../lab/paths.ts'
import { labNames, readState } from '../lab/state/state.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions } from './options.ts'
import { agreed, canAsk, progress, untilSignal } from './terminal.ts'

const options: readonly OptionSpec[] = [
  {
    name: 'env-config-file',
    value: 'FILE',
    help: 'default: config/test_configurations.json, else the running lab',
  },
  { name: 'env-config-name', value: 'NAME', help: 'which config of a file that holds several' },
  { name: 'json', help: 'print the findings as JSON' },
  { name: 'fix', help: 'put right what can be, after showing it and asking' },
  { name: 'yes', help: 'with --fix: do not ask' },
  { name: 'revert', help: 'put back what --fix did, by the journal' },
]

export const doctorHelp = `dpbench doctor [options]

Checks all that the controller and the config's hypervisors need, and says what to do about each fault.
Exit code 0: no fault; 2: the config is at fault; 3: a machine is.

${helpOf(options)}`

const print = (line: string): void => void process.stdout.write(`${line}\n`)

export async function doctor(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, options)
  refuseUnknown(rest, options)
  if (rest.length > 0)
    throw new UsageError(`doctor takes no ${rest.join(' ')}: name a config with --env-config-file`)
  const given = (name: string): boolean => values[name] === true
  const faults = [
    ...(given('fix') && given('revert') ? ['--fix and --revert: give one of them'] : []),
    ...(given('yes') && !given('fix') ? ['--yes belongs to --fix: write --fix --yes'] : []),
    ...(given('json') && (given('fix') || given('revert'))
      ? ['--json shows findings alone: leave it out']
      : []),
  ]
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  const file = text('env-config-file') ?? process.env['DPBENCH_ENV_CONFIG_FILE']
  const name = text('env-config-name') ?? process.env['DPBENCH_ENV_CONFIG_NAME']
  return untilSignal(async (signal) => {
    if (given('revert')) {
      await revert({ file, name }, { cwd: process.cwd(), log: print, signal })
      return ExitCode.passed
    }
    const chosen: DoctorOptions = { file, name, lab, labEngine, signal }
    const diagnosis = await show(chosen, given('json'))
    return given('fix') ? repair(chosen, diagnosis, given('yes'), signal) : exitCodeOf(diagnosis.findings)
  })
}

async function show(chosen: DoctorOptions, json = false): Promise<Diagnosis> {
  const started = performance.now()
  const diagnosis = await diagnose(chosen)
  const seconds = (performance.now() - started) / 1000
  if (json) print(renderJson(diagnosis, seconds))
  else for (const line of renderText(diagnosis, seconds)) print(line)
  return diagnosis
}

/** Nothing is done without `--yes` or an answer at the terminal. */
async function repair(
  chosen: DoctorOptions,
  diagnosis: Diagnosis,
  yes: boolean,
  signal: AbortSignal,
): Promise<number> {
  const { config, label } = diagnosis
  const repairs = repairsOf(diagnosis)
  if (!config || repairs.length === 0) {
    print('There is nothing that --fix could put right.')
    return exitCodeOf(diagnosis.findings)
  }
  for (const line of [
    '',
    'To be done, as root; dpbench doctor --revert puts it back:',
    ...showRepairs(repairs),
  ])
    print(line)
  if (!yes && !canAsk()) {
    print('Nothing was done: there is no terminal to ask at. Add --yes to have it done.')
    return ExitCode.usage
  }
  if (!yes && !(await agreed('Do it?', signal))) {
    print('Nothing was done.')
    return exitCodeOf(diagnosis.findings)
  }
  await fix({ config, label }, repairs, { cwd: process.cwd(), log: progress, signal })
  print('')
  return exitCodeOf((await show(chosen)).findings)
}

/** What a lab needs of this machine: a fault when the config is a lab's, a hint when there is no config at all. */
async function lab(configFile: string | undefined): Promise<Judgement> {
  const check = 'lab'
  if (configFile !== undefined && !configFile.startsWith(`${labsFolder}/`))
    return notApplicable(check, 'the config is not that of a lab')
  const [why, missing] = [capabilityFaults(), await missingPackages()]
  if (why.length === 0 && missing.length === 0) return ok(check, 'all packages of a lab are there')
  const found = [
    ...why,
    ...(missing.length > 0 ? [`packages that a lab lacks: ${missing.join(' ')}`] : []),
  ].join(' ')
  const advice = missing.length > 0 ? 'npx dpbench lab install' : 'run the lab as root on a Linux machine'
  return configFile === undefined ? warning(check, found, advice) : fault(check, found, advice)
}

/** A lab has a Docker engine for the controller, apart from the machine's own. */
async function labEngine(configFile: string): Promise<string | undefined> {
  const states = await Promise.all((await labNames()).map((each) => readState(each)))
  return states.find((state) => state?.description?.configFile === configFile)?.description?.controller
    .dockerSocket
}
