/**
 * `npm run bench:self`: what dpbench itself costs, beside what a person would use in its place, in labs of its own. Exit codes: 0,
 * 1 when a figure was not reached, 2 for wrong options and where no lab can be, 3 when a part could not be measured.
 */
import { join } from 'node:path'
import { commitOf, machine } from '../bench/circumstances.ts'
import { figure } from '../bench/page.ts'
import type { PartResult } from '../bench/record.ts'
import { readRecord } from '../bench/record.ts'
import { allParts, chosenParts, runParts, writeFigures } from '../bench/run.ts'
import { removeLeftLabs } from '../bench/stage.ts'
import { installPackages, requireLabCapable } from '../lab/lab.ts'
import { DpbenchError, ExitCode, UsageError, describeError } from '../src/core/errors.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions } from './options.ts'
import { progress, untilSignal } from './terminal.ts'

const options: readonly OptionSpec[] = [
  { name: 'only', value: 'NAME[,NAME…]', help: 'these parts; the others keep their figures' },
  { name: 'rounds', value: 'N', help: 'so many rounds of each part, in the place of its own number' },
  { name: 'list', help: 'the parts, and nothing is measured' },
  { name: 'dry-run', help: 'measure, and write nothing' },
  { name: 'help', help: 'this' },
]

const repository = join(import.meta.dirname, '..')

async function benchSelf(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, options)
  refuseUnknown(rest, options)
  if (rest.length > 0) throw new UsageError(`bench:self takes no ${rest.join(' ')}`)
  if (values['help']) {
    process.stdout.write(`npm run bench:self -- [options]\n\n${helpOf(options)}\n`)
    return 0
  }
  const rounds = roundsOf(values['rounds'])
  const all = await allParts()
  const names = typeof values['only'] === 'string' ? values['only'].split(',') : []
  const chosen = chosenParts(all, names)
  if (values['list']) {
    const listed = names.length === 0 ? all : chosen
    for (const { name, what } of listed) process.stdout.write(`${name}: ${what}\n`)
    return 0
  }
  requireLabCapable()
  await readRecord(join(repository, 'bench-self.json'))
  return untilSignal(async (signal) => {
    await installPackages(progress)
    await removeLeftLabs(progress)
    const where = {
      date: new Date().toISOString().slice(0, 10),
      machine: machine(),
      commit: await commitOf(repository),
    }
    const wanted = chosen.map((part) => (rounds === undefined ? part : { ...part, rounds }))
    const { results, failures } = await runParts(wanted, { log: progress, signal }, where)
    for (const result of results) process.stdout.write(`${sentence(result)}\n`)
    for (const { name, reason } of failures)
      process.stdout.write(`✖ ${name} could not be measured: ${reason}\n`)
    if (!values['dry-run']) await writeFigures(repository, results, all)
    if (failures.length > 0) return ExitCode.infrastructure
    return results.every(({ reached }) => reached) ? ExitCode.passed : ExitCode.thresholdMissed
  })
}

/** @throws UsageError */
function roundsOf(value: string | true | undefined): number | undefined {
  if (value === undefined) return undefined
  const rounds = Number(value)
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= 100) return rounds
  throw new UsageError(`--rounds is "${value}": write a whole number from 1 to 100`)
}

function sentence(result: PartResult): string {
  const mark = result.reached ? '✓' : '✖'
  if (result.kind === 'growth')
    return `${mark} ${result.what}: grows with the power ${result.exponent.toFixed(2)} of the number of ${result.axis}, at most ${result.limit}`
  const { ours, peer, ratio, unit } = result
  const against = peer && ratio ? `, ${result.against}: ${figure(peer.median)} ${unit}` : ''
  const related = ratio
    ? `; ${figure(ratio.median)} ${result.ratioIs} (${figure(ratio.min)}–${figure(ratio.max)})`
    : ''
  const checks = result.checks.map(
    ({ name, value, unit: of, limit, reached }) =>
      `\n  ${reached ? '✓' : '✖'} ${name}: ${figure(value)} ${of}, at most ${figure(limit)}`,
  )
  return `${mark} ${result.what}: ${figure(ours.median)} ${unit}${against}${related}; to reach: ${result.reach}${checks.join('')}`
}

try {
  process.exit(await benchSelf(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`)
  process.exit(error instanceof DpbenchError ? error.exitCode : ExitCode.infrastructure)
}
