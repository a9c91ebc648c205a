/** `dpbench bisect`: which commit, or which image of a list, made throughput worse. */
import { join, relative, resolve } from 'node:path'
import { z } from 'zod'
import { DisposalStack } from '../src/core/disposal-stack.ts'
import { ExitCode, UsageError } from '../src/core/errors.ts'
import { replaceFile } from '../src/core/replace-file.ts'
import { formatGbit } from '../src/verdict/format.ts'
import type { Candidates } from '../src/series/bisect/candidates.ts'
import { GitCommits, findCommits } from '../src/series/bisect/git-commits.ts'
import { ImageList } from '../src/series/bisect/image-list.ts'
import { figuresText } from '../src/series/bisect/judge-step.ts'
import { type SearchResult, type Tried, search } from '../src/series/bisect/search.ts'
import type { Series, SeriesPlan } from '../src/series/series.ts'
import { unusableLines } from '../src/series/table.ts'
import { requireSource } from '../src/transport/docker/build.ts'
import { type OptionSpec, type OptionValues, helpOf } from './options.ts'
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

/** Fewer of each end cannot show that they differ (Mann and Whitney: 4 and 4 reach p = 0.029). */
const fewestRuns = 4
const usualRuns = 5

const options: readonly OptionSpec[] = [
  { name: 'good', value: 'REF', help: 'a commit or image that is as fast as it should be' },
  { name: 'bad', value: 'REF', help: 'a later one that is not' },
  { name: 'dpservice-source', value: 'DIR', help: 'a clean git checkout: its commits are built and tried' },
  {
    name: 'images',
    value: 'REF,REF,…',
    help: 'or: these images, the oldest first; default ends: first and last',
  },
  {
    name: 'runs',
    value: 'N',
    help: `runs of each end, and the most of a candidate; default: ${usualRuns}, the fewest: ${fewestRuns}`,
  },
]
const notHere = ['docker-image', 'stage']
const ofRuns = handedOn([...notHere, 'dpservice-source'])

export const bisectHelp = `dpbench bisect --dpservice-source DIR --good REF --bad REF --mode MODE [options] [suite files…]
dpbench bisect --images REF,REF,… --mode MODE [options] [suite files…]
dpbench bisect --resume FOLDER

Measures both ends, makes sure that bad is slower than good, and searches between them by halves: what is nearer to bad is
bad. What does not build or cannot be measured is skipped. The checkout is only read. -t NAME and suite files choose
tests; the one that fell most tells good from bad.

${helpOf([...options, ...seriesOptions, ...ofRuns])}`

const planSchema = z.union([
  z.object({
    runs: z.number(),
    commits: z.object({ top: z.string(), prefix: z.string(), good: z.string(), bad: z.string() }),
  }),
  z.object({
    runs: z.number(),
    images: z.array(z.string()),
    good: z.string().optional(),
    bad: z.string().optional(),
  }),
])
type BisectPlan = z.infer<typeof planSchema>

export async function bisect(argv: readonly string[]): Promise<number> {
  refuseOptions(argv, notHere, 'bisect builds commits of --dpservice-source, or takes --images')
  const request = await takeSeriesOptions('bisect', argv, options, ofRuns)
  const resumes = request.values['resume'] !== undefined
  if (!resumes) checkRunArguments(request.runArguments)
  const plan = resumes ? {} : await planOf(request.values)
  return untilSignal(async (signal) => {
    await using series = await openSeries(request, plan as SeriesPlan, signal)
    return find(series)
  })
}

async function planOf(values: OptionValues): Promise<BisectPlan> {
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  const runs = wholeNumber(values, 'runs', fewestRuns) ?? usualRuns
  const [source, list, good, bad] = ['dpservice-source', 'images', 'good', 'bad'].map(text)
  if ((source === undefined) === (list === undefined))
    throw new UsageError(
      'bisect takes the commits of --dpservice-source DIR, or the images of --images REF,REF,…: give one of them',
    )
  if (list !== undefined) {
    const images = list.split(',').map((each) => each.trim())
    const ends = { ...(good !== undefined && { good }), ...(bad !== undefined && { bad }) }
    void new ImageList(images, ends) // says what is wrong with them
    return { runs, images, ...ends }
  }
  if (good === undefined || bad === undefined)
    throw new UsageError('bisect looks between two commits: give --good REF and --bad REF')
  const folder = resolve(source!)
  await requireSource(folder)
  return { runs, commits: await findCommits(folder, { good, bad }) }
}

async function find(series: Series): Promise<number> {
  const plan = planSchema.parse(series.plan)
  await using undo = new DisposalStack()
  let candidates: Candidates
  if ('images' in plan) candidates = new ImageList(plan.images, plan)
  else candidates = undo.use(await GitCommits.open(join(series.folder, 'source'), plan.commits))
  progress(
    `${candidates.count} between ${candidates.good.label} and ${candidates.bad.label}; kept in ` +
      relative(process.cwd(), series.folder),
  )
  const result = await search(candidates, {
    run: (step) => series.run(step),
    log: progress,
    runs: plan.runs,
  })
  const lines = [...(await candidates.log()), '', ...resultLines(result, series)]
  process.stdout.write(`${lines.join('\n')}\n`)
  await replaceFile(join(series.folder, 'bisect.txt'), `${lines.join('\n')}\n`)
  return result.found.state === 'found' ? ExitCode.passed : ExitCode.infrastructure
}

function resultLines({ found, divide, tried }: SearchResult, series: Series): string[] {
  const { good, bad, middle } = divide
  const measured = tried.map((one) => `  ${one.judgement.padEnd(4)}  ${one.candidate.label}: ${whatOf(one)}`)
  const head = [
    `${divide.test} (${divide.mode}) decides: ${formatGbit(good)} Gbit/s is good, ${formatGbit(bad)} is bad, ` +
      `${formatGbit(middle)} lies between`,
    ...measured,
    ...unusableLines(series.unusable()),
  ]
  if (found.state === 'hidden')
    return [
      ...head,
      'the first bad one is one of these, and what could not be tested hides which:',
      ...found.among.map(({ label }) => `  ${label}`),
    ]
  const lastGood = tried.findLast(({ judgement }) => judgement === 'good')!
  const first = tried.find(({ candidate }) => candidate.id === found.first.id)
  return [
    ...head,
    `first bad: ${found.first.label}: ${figuresText(first?.values ?? [])}`,
    `last good: ${lastGood.candidate.label}: ${figuresText(lastGood.values)}`,
  ]
}

function whatOf({ judgement, values, said }: Tried): string {
  return judgement === 'skip' ? `${said}` : figuresText(values)
}
