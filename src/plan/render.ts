/** A plan as text: commands stand on their lines as a shell takes them, what is not known stands in angle brackets. */
import type { Plan, PlannedMode, PlannedPart, PlannedStep, PlannedTest } from './plan-schema.ts'

export interface RenderOptions {
  /** Scripts of several lines are shown whole. */
  readonly verbose: boolean
}

type Range = Plan['seconds']

export function renderPlan(plan: Plan, { verbose }: RenderOptions): string {
  const { config, image, modes, profile, rule } = plan
  const { min, max } = profile.repetitions
  const held = rule === 'mean' ? 'its mean' : 'the 95 % interval of its mean'
  const lines = [
    `plan of a run: ${config.file}${image === undefined ? '' : `, image ${image}`}`,
    `each measurement: ${profile.keptSeconds} s kept after ${profile.warmUpSeconds} s, ${min} to ${max} times (profile ${profile.name}); ${held} is held against what is expected`,
    `estimate: ${lasting(plan.seconds)} (traffic and gaps alone; connecting, deploying, leases and looks come on top)`,
    'nothing was done, and no host was reached',
    '',
    ...plan.notes.map((note) => `note: ${note}`),
    ...plan.assumed.map((sentence) => `assumed: ${sentence}`),
    ...section('before', plan.before, verbose),
    ...modes.flatMap((mode) => modeLines(mode, verbose)),
    ...section('when all modes are done', plan.after, verbose),
  ]
  return lines.join('\n')
}

function modeLines({ mode, environment, tests, refused, seconds }: PlannedMode, verbose: boolean): string[] {
  return [
    ...title(
      `mode ${mode}: ${tests.length} ${tests.length === 1 ? 'test' : 'tests'}, ${lasting(seconds)}`,
      '=',
    ),
    ...stepLines(environment.steps, verbose),
    ...(refused === undefined ? [] : [`  ✖ here it ends: ${refused}`]),
    ...undoLines(environment, verbose),
    ...tests.flatMap((test) => testLines(test, verbose)),
    ...section(`the end of the mode ${mode}`, environment.takenBack, verbose),
  ]
}

function testLines(test: PlannedTest, verbose: boolean): string[] {
  const { suite, name, measurements, skipped, ends } = test
  return [
    ...title(`${suite}: ${name}`, '-'),
    ...(skipped === undefined ? [] : [`  skipped: ${skipped}`]),
    ...measurements.flatMap((measurement) => {
      const { min, max } = measurement.repetitions
      const times = min === max ? `${min} times` : `${min} to ${max} times`
      return [
        `  measures ${measurement.name}: ${times} ${figure(measurement.trafficSeconds)} of traffic, ${lasting(measurement.seconds)}`,
        ...measurement.judged.map((sentence) => `    ${sentence}`),
      ]
    }),
    ...stepLines(test.steps, verbose),
    ...(ends === undefined ? [] : [`  ✖ here it ends: ${ends}`]),
    ...undoLines(test, verbose),
    ...(test.takenBack.length > 0 ? ['  then:', ...stepLines(test.takenBack, verbose, '    ')] : []),
  ]
}

function undoLines({ undo }: PlannedPart, verbose: boolean): string[] {
  if (undo.length === 0) return []
  return [
    '  in the journal before it is done, with what takes it back:',
    ...undo.flatMap(({ what, commands, kind }) => [
      `    ${what}${commands.length > 0 ? '' : ` (${kind}; below)`}`,
      ...commands.map((command) => `      $ ${brief(command, verbose)}`),
    ]),
  ]
}

function section(name: string, steps: readonly PlannedStep[], verbose: boolean): string[] {
  return steps.length === 0 ? [] : [...title(name, '-'), ...stepLines(steps, verbose)]
}

function title(text: string, line: string): string[] {
  return ['', text, line.repeat(text.length)]
}

const marks = { phase: '', command: '$ ', file: 'file: ', docker: 'engine: ', connection: '' } as const

/** The same on several machines, one after the other, on one line. */
function stepLines(steps: readonly PlannedStep[], verbose: boolean, indent = '  '): string[] {
  const lines: string[] = []
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at]!
    if (step.kind === 'phase') {
      lines.push(`${indent}# ${step.name}`)
      continue
    }
    const machines = [step.machine]
    while (sameAs(step, steps[at + 1])) machines.push(steps[++at]!.machine)
    const told = `${step.command === undefined ? marks[step.kind] : ''}${brief(step.name, verbose)}`
    lines.push(`${indent}${[...new Set(machines)].join(', ')}: ${told}`)
    if (verbose && step.command !== undefined) lines.push(`${indent}    $ ${step.command}`)
    if (step.body) lines.push(`${indent}    ${JSON.stringify(step.body)}`)
  }
  return lines
}

function sameAs({ kind, name, body }: PlannedStep, next: PlannedStep | undefined): boolean {
  return body === undefined && next?.kind === kind && next.name === name
}

function brief(command: string, verbose: boolean): string {
  const lines = command.split('\n')
  return verbose || lines.length === 1
    ? command
    : `${lines[0]} … (${lines.length} lines; --verbose shows them)`
}

function lasting({ min, max }: Range): string {
  if (max === 0) return 'no traffic'
  return min === max ? `about ${figure(min)}` : `about ${figure(min)} to ${figure(max)}`
}

function figure(seconds: number): string {
  const whole = Math.round(seconds)
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}
