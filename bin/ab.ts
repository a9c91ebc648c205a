/** `dpbench ab`: two images in turn on the same VMs, and whether the second is slower. */
import { join, relative } from 'node:path'
import { ExitCode, UsageError } from '../src/core/errors.ts'
import { replaceFile } from '../src/core/replace-file.ts'
import type { RunRecord } from '../src/report/record.ts'
import { comparisonLines, compareSides, confirm, hasRegression } from '../src/series/ab/compare-sides.ts'
import { ImageCheck } from '../src/series/ab/images.ts'
import { type Side, abba, orderText } from '../src/series/ab/order.ts'
import type { Series } from '../src/series/series.ts'
import { unusableLines } from '../src/series/table.ts'
import { type OptionSpec, helpOf, takeRepeated } from './options.ts'
import {
  checkRunArguments,
  handedOn,
  openSeries,
  refuseOptions,
  seriesOptions,
  takeSeriesOptions,
  wholeNumber,
} from './series.ts'
import { progress, untilSignal } from './terminal.ts'

/** With fewer, Mann and Whitney's test has little to say. */
const fewestRounds = 5

const options: readonly OptionSpec[] = [
  {
    name: 'rounds',
    value: 'N',
    help: `how many runs of each image; default, and the fewest: ${fewestRounds}`,
  },
  { name: 'aa', help: 'both are to be the same image: how far apart are two sets of its runs?' },
]
const imageOption: OptionSpec = { name: 'image', value: 'REF', help: 'given twice: A, then B (required)' }
/** These would make the sides unlike, or choose the image in another way. */
const notHere = ['docker-image', 'dpservice-source', 'stage']
const ofRuns = handedOn(notHere)

export const abHelp = `dpbench ab --image A --image B --mode MODE [options] [suite files…]
dpbench ab --resume FOLDER

Runs the suites with A and B in turn (ABBA…) on the same VMs, without thresholds, and says of each test and mode whether B
differs: p by Mann and Whitney's test, the ratio of the medians with its interval. A regression is p < 0.05 and a median
at least 5 % worse, seen again in a second set of runs. Exit code 1: B regresses.

${helpOf([imageOption, ...options, ...seriesOptions, ...ofRuns])}`

export async function ab(argv: readonly string[]): Promise<number> {
  refuseOptions(argv, notHere, 'the images of an A/B test are named by --image A --image B')
  const { values: images, rest } = takeRepeated(argv, imageOption)
  const request = await takeSeriesOptions('ab', rest, options, ofRuns)
  const rounds = wholeNumber(request.values, 'rounds', fewestRounds) ?? fewestRounds
  const aa = request.values['aa'] === true
  if (request.values['resume'] === undefined) {
    requirePair(images, aa)
    checkRunArguments(request.runArguments)
  } else if (images.length > 0) throw new UsageError('--resume has its images already: leave --image out')
  return untilSignal(async (signal) => {
    await using series = await openSeries(request, { images: [...images], rounds, aa }, signal)
    return compareImages(series)
  })
}

function requirePair(images: readonly string[], aa: boolean): void {
  const [a, b] = images
  if (a === undefined || b === undefined || images.length > 2)
    throw new UsageError(
      `an A/B test is of two images, and ${images.length} are named: write --image A --image B`,
    )
  if (a === b && !aa)
    throw new UsageError(`both images are ${a}: name another one, or add --aa to compare it with itself`)
}

async function compareImages(series: Series): Promise<number> {
  const [a = '', b = ''] = series.plan['images'] as string[]
  const names = { A: a, B: b }
  const rounds = Number(series.plan['rounds'])
  const aa = series.plan['aa'] === true
  const check = new ImageCheck(names, aa)
  progress(
    `A is ${a}, B is ${b}; order: ${orderText(abba(rounds))}; kept in ${relative(process.cwd(), series.folder)}`,
  )
  const first = await measureBlock(series, check, { names, rounds, block: 1 })
  const compared = compareSides(first.A, first.B)
  let again: typeof compared | undefined
  if (hasRegression(compared)) {
    progress('B looks slower: the same once more, as one set of runs may be chance')
    const second = await measureBlock(series, check, { names, rounds, block: 2 })
    again = compareSides(second.A, second.B)
  }
  const confirmed = confirm(compared, again)
  const regressed = confirmed.filter((each) => each.regressed)
  const { A: digestA, B: digestB } = check.digests
  const lines = [
    `A: ${a} (${digestA})`,
    `B: ${b} (${digestB})`,
    ...comparisonLines(confirmed),
    ...unusableLines(series.unusable()),
    endingOf(regressed.length, confirmed.length, aa),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  await replaceFile(join(series.folder, 'ab.txt'), `${lines.join('\n')}\n`)
  return regressed.length > 0 ? ExitCode.thresholdMissed : ExitCode.passed
}

interface Block {
  readonly names: Readonly<Record<Side, string>>
  readonly rounds: number
  readonly block: number
}

async function measureBlock(
  series: Series,
  check: ImageCheck,
  { names, rounds, block }: Block,
): Promise<Record<Side, RunRecord[]>> {
  const records: Record<Side, RunRecord[]> = { A: [], B: [] }
  const turns = abba(rounds)
  for (const { number, side } of turns) {
    const ran = await series.run({
      id: `block-${block}-run-${String(number).padStart(2, '0')}-${side}`,
      label: `run ${number} of ${turns.length}, ${side} (${names[side]})`,
      left: turns.length - number,
      argv: ['--docker-image', names[side]],
    })
    if (ran.state !== 'measured') continue
    check.learn(side, ran.record)
    records[side].push(ran.record)
  }
  return records
}

function endingOf(regressed: number, all: number, aa: boolean): string {
  if (regressed > 0) {
    const what = `B regresses in ${regressed} of ${all} tests`
    return aa ? `${what}, and is the same image: what differs is the machines` : what
  }
  return `B does not regress in any of ${all} tests`
}
