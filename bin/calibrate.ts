/** `dpbench calibrate`: the thresholds that this hardware reaches, found by measuring, as a diff of the config. */
import { readFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { type ConfigSource, loadSource } from '../src/config/load.ts'
import { editNumbers } from '../src/config/json-edit.ts'
import { DpbenchError, ExitCode, UsageError } from '../src/core/errors.ts'
import { replaceFile } from '../src/core/replace-file.ts'
import { unifiedDiff } from '../src/core/unified-diff.ts'
import type { RunRecord } from '../src/report/record.ts'
import { requireAlike } from '../src/series/alike.ts'
import {
  calibrationFileOf,
  calibrationOf,
  modeKey,
  readCalibrations,
  withCalibration,
} from '../src/series/calibrate/provenance.ts'
import { calibrationLines, refusals } from '../src/series/calibrate/report.ts'
import {
  type CalibratedThreshold,
  calibrate,
  fewestRuns,
  quarantinedLines,
} from '../src/series/calibrate/thresholds.ts'
import type { Series } from '../src/series/series.ts'
import { unusableLines } from '../src/series/table.ts'
import { type StoredRun, readStoredRuns } from './stored-runs.ts'
import { type OptionSpec, type OptionValues, helpOf, refuseUnknown, takeOptions } from './options.ts'
import { runOptions } from './run.ts'
import {
  checkRunArguments,
  handedOn,
  openSeries,
  runValues,
  seriesOptions,
  takeSeriesOptions,
  wholeNumber,
} from './series.ts'
import { agreed, canAsk, progress, untilSignal } from './terminal.ts'

const options: readonly OptionSpec[] = [
  { name: 'runs', value: 'N', help: `how many runs; default, and the fewest: ${fewestRuns}` },
  { name: 'write', help: 'write the thresholds into the config without asking' },
]
const fromOption: OptionSpec = {
  name: 'from',
  value: 'FOLDER…',
  help: 'do not measure: take the runs of these results folders and series',
}
const ofRuns = [...handedOn(), ...runOptions.filter(({ name }) => name === 'verdict')]

export const calibrateHelp = `dpbench calibrate --mode MODE [options] [suite files…]
dpbench calibrate --from FOLDER… [--write] [--env-config-file FILE] [--env-config-name NAME]
dpbench calibrate --resume FOLDER [--write]

Runs the suites many times without thresholds, and finds for each threshold of the config what this hardware reaches:
the lower tolerance bound (95 % of runs, with 95 % confidence) of the least of its tests. Shows it as a diff of the
config, and writes it with --write or after a yes at the terminal. -t NAME and suite files choose tests, as in a run.

${helpOf([...options, fromOption, ...seriesOptions, ...ofRuns])}`

const print = (line: string): void => void process.stdout.write(`${line}\n`)

export async function calibration(argv: readonly string[]): Promise<number> {
  if (argv.some((each) => /^--from(=|$)/.test(each))) return fromStored(argv)
  const request = await takeSeriesOptions('calibrate', argv, options, ofRuns)
  const runs = wholeNumber(request.values, 'runs', fewestRuns) ?? fewestRuns
  if (request.values['resume'] === undefined) {
    checkRunArguments(request.runArguments)
    await loadSource(configOptions(runValues(request.runArguments)))
  }
  return untilSignal(async (signal) => {
    await using series = await openSeries(request, { runs }, signal)
    const measured = await measure(series)
    const source = await loadSource(configOptions(runValues(series.runArguments)))
    const unusable = series.unusable()
    return conclude({
      source,
      records: measured,
      unusable,
      values: request.values,
      signal,
      folder: series.folder,
    })
  })
}

async function measure(series: Series): Promise<RunRecord[]> {
  const runs = Number(series.plan['runs'])
  progress(`${runs} runs, kept in ${relative(process.cwd(), series.folder)}`)
  const records: RunRecord[] = []
  for (let number = 1; number <= runs; number++) {
    const id = `run-${String(number).padStart(2, '0')}`
    const ran = await series.run({ id, label: `run ${number} of ${runs}`, left: runs - number })
    if (ran.state === 'measured') records.push(ran.record)
  }
  progress(`measured in ${series.duration}`)
  return records
}

async function fromStored(argv: readonly string[]): Promise<number> {
  const known = [
    ...options.filter(({ name }) => name === 'write'),
    fromOption,
    ...runOptions.filter(({ name }) => name.startsWith('env-config')),
  ]
  const { values, rest } = takeOptions(argv, known)
  refuseUnknown(rest, known)
  const stored = await readStoredRuns([String(values['from']), ...rest])
  const usable = stored.filter(({ unusable }) => unusable === undefined)
  const [first] = usable
  if (!first)
    throw new DpbenchError(`none of the ${stored.length} runs has valid figures: ${stored[0]?.unusable}`)
  for (const { record, file } of usable) requireAlike(first.record, record, file)
  const asked = first.record.options
  const named = values['env-config-name'] ?? asked['DPBENCH_ENV_CONFIG_NAME']
  const source = await loadSource({
    file: String(values['env-config-file'] ?? first.record.config.file),
    name: typeof named === 'string' ? named : undefined,
  })
  const unusable = stored.flatMap(({ file, unusable: said }) =>
    said === undefined ? [] : [`${file}: ${said}`],
  )
  return untilSignal((signal) =>
    conclude({ source, records: usable.map(({ record }: StoredRun) => record), unusable, values, signal }),
  )
}

interface Findings {
  readonly source: ConfigSource
  readonly records: readonly RunRecord[]
  readonly unusable: readonly string[]
  readonly values: OptionValues
  readonly signal: AbortSignal
  /** Of the series. */
  readonly folder?: string
}

async function conclude({ source, records, unusable, values, signal, folder }: Findings): Promise<number> {
  const expected = source.config.expected_throughput
  const thresholds = calibrate(records, { offload: expected.hw, 'non-offload': expected.sw })
  const refused = refusals(thresholds)
  const lines = [
    ...calibrationLines(thresholds),
    ...quarantinedLines(records),
    ...unusableLines(unusable),
    ...refused,
  ]
  for (const line of lines) print(line)
  if (folder !== undefined) await replaceFile(join(folder, 'calibration.txt'), `${lines.join('\n')}\n`)
  const found = thresholds.filter(hasValue)
  await offer(source, found, { records, unusable: unusable.length, write: values['write'] === true, signal })
  return refused.length > 0 ? ExitCode.infrastructure : ExitCode.passed
}

type Found = CalibratedThreshold & { readonly value: number }

function hasValue(threshold: CalibratedThreshold): threshold is Found {
  return threshold.value !== undefined
}

interface Offer {
  readonly records: readonly RunRecord[]
  readonly unusable: number
  readonly write: boolean
  readonly signal: AbortSignal
}

/** Shows the diff, and writes it when a person wants it. */
async function offer(
  source: ConfigSource,
  found: readonly Found[],
  { records, unusable, write, signal }: Offer,
): Promise<void> {
  const place = source.path.map((part) => (typeof part === 'symbol' ? '' : part))
  const before = await readFile(source.file, 'utf8')
  const after = editNumbers(
    before,
    found.map(({ mode, key, value }) => ({
      path: [...place, 'expected_throughput', modeKey(mode), key],
      value,
    })),
  )
  if (before === after) {
    const none = found.every(({ value }) => value === undefined)
    return print(none ? '\nthere is nothing to write' : `\n${source.file} has these thresholds already`)
  }
  print(`\n${unifiedDiff(before, after, basename(source.file))}`)
  const provenance = calibrationFileOf(source.file)
  if (!write && !canAsk()) return print('nothing was written: add --write, or answer at a terminal')
  if (
    !write &&
    !(await agreed(`Write it to ${source.file}, and where it comes from to ${provenance}?`, signal))
  )
    return print('nothing was written')
  if ((await readFile(source.file, 'utf8')) !== before)
    throw new UsageError(`${source.file} was changed meanwhile: nothing was written; type the same again`)
  const [first, ...others] = records
  const made = calibrationOf([first!, ...others], { at: new Date().toISOString(), unusable })
  const known = await readCalibrations(provenance)
  const told = withCalibration(known, source.named ?? '', found, made)
  await replaceFile(provenance, `${JSON.stringify(told, undefined, 2)}\n`)
  await replaceFile(source.file, after)
  print(`written: ${source.file}  ${provenance}`)
}

function configOptions(values: ReturnType<typeof runValues>): {
  file?: string | undefined
  name?: string | undefined
} {
  return { file: values['env-config-file'], name: values['env-config-name'] }
}
