/** The search for the first bad one: its steps, around what cannot be tested, in a list of images and in commits of git. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { UsageError } from '../../src/core/errors.ts'
import { runLocally } from '../../src/core/local-command.ts'
import type { Candidates } from '../../src/series/bisect/candidates.ts'
import { GitCommits, findCommits } from '../../src/series/bisect/git-commits.ts'
import { ImageList } from '../../src/series/bisect/image-list.ts'
import { judgeStep } from '../../src/series/bisect/judge-step.ts'
import { type SearchResult, search } from '../../src/series/bisect/search.ts'
import type { Ran, Step } from '../../src/series/series.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { measured, recordWith, valueOf } from './fixtures.ts'

describe('a step', () => {
  const middle = 8
  test.each([
    [[], 'again'],
    [[9], 'again'],
    [[9, 9.1], 'good'],
    [[7, 7.1], 'bad'],
    [[8, 8], 'good'],
    [[9, 7], 'again'],
    [[9, 7, 7.1], 'again'],
    [[9, 7, 7.1, 9, 7.2], 'bad'],
    [[9, 7, 9.1, 9, 7.2], 'good'],
  ] as const)('%j is %s', (values, wanted) => expect(judgeStep(values, { middle }, 5)).toBe(wanted))
})

/** Runs an image or a commit by what `figureOf` says of it: Gbit/s, or why it cannot be tested. */
async function searchIn(
  candidates: Candidates,
  figureOf: (argv: readonly string[]) => number | string,
): Promise<SearchResult & { readonly steps: readonly Step[]; readonly said: readonly string[] }> {
  const steps: Step[] = []
  const said: string[] = []
  const result = await search(candidates, {
    runs: 5,
    log: (line) => void said.push(line),
    run: async (step): Promise<Ran> => {
      steps.push(step)
      const figure = figureOf(step.argv ?? [])
      if (typeof figure === 'string') return { state: 'untestable', said: figure }
      const mean = figure + 0.01 * (steps.length % 7)
      return { state: 'measured', record: recordWith([measured([mean, mean])]) }
    },
  })
  return { ...result, steps, said }
}

describe('images in a list', () => {
  const images = Array.from({ length: 10 }, (_, index) => `registry:5000/softplane:${index}`)
  const nth = (argv: readonly string[]): number => Number(valueOf(argv, '--docker-image')!.split(':').at(-1))

  test.each(Array.from({ length: 9 }, (_, index) => index + 1))(
    'the first bad one is number %d',
    async (first) => {
      const { found, tried, steps } = await searchIn(new ImageList(images), (argv) =>
        nth(argv) < first ? 9 : 7,
      )
      expect(found).toMatchObject({ state: 'found', first: { label: images[first] } })
      // the ends 5 times each in turn, then at most 4 candidates, twice each
      expect(steps.slice(0, 10).map(({ argv }) => nth(argv!))).toEqual([0, 9, 9, 0, 0, 9, 9, 0, 0, 9])
      expect(steps.length).toBeLessThanOrEqual(10 + 2 * 4)
      expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length)
      expect(tried.length).toBeLessThanOrEqual(6)
    },
  )

  test('what cannot be tested is skipped, and the nearest is tried instead', async () => {
    const figure = (argv: readonly string[]): number | string =>
      nth(argv) === 4 ? 'no such tag' : nth(argv) < 7 ? 9 : 7
    const { found, tried, said } = await searchIn(new ImageList(images), figure)
    expect(found).toMatchObject({ state: 'found', first: { label: images[7] } })
    expect(tried.filter(({ judgement }) => judgement === 'skip')).toMatchObject([
      { candidate: { label: images[4] }, said: 'no such tag' },
    ])
    expect(said.join('\n')).toContain(`${images[4]}: skipped: no such tag`)
  })

  test('where that hides the first bad one, it says among which it is', async () => {
    const figure = (argv: readonly string[]): number | string =>
      [4, 5].includes(nth(argv)) ? 'no' : nth(argv) < 5 ? 9 : 7
    const { found } = await searchIn(new ImageList(images), figure)
    expect(found).toEqual({
      state: 'hidden',
      among: [4, 5, 6].map((index) => expect.objectContaining({ label: images[index] })),
    })
  })

  test('ends that do not differ are refused with their figures, before anything else is tried', async () => {
    const list = new ImageList(images)
    await expect(searchIn(list, () => 9)).rejects.toThrow(UsageError)
    await expect(searchIn(new ImageList(images), () => 9)).rejects.toThrow(
      /--bad is not slower than --good.*\n.*IPv4 on one hypervisor \(offload\): 9\.0/,
    )
    // the wrong way round
    await expect(searchIn(new ImageList(images), (argv) => (nth(argv) < 5 ? 7 : 9))).rejects.toThrow(
      /not slower/,
    )
  })

  test('an end that cannot be measured ends it', async () => {
    await expect(searchIn(new ImageList(images), (argv) => (nth(argv) === 9 ? 'gone' : 9))).rejects.toThrow(
      `the bad end, ${images[9]}, cannot be measured: gone`,
    )
  })

  test('the ends may be named; they are of the list, and in its order', () => {
    const named = new ImageList(images, { good: images[2], bad: images[5] })
    expect([named.good.label, named.bad.label, named.count]).toEqual([images[2], images[5], 2])
    expect(() => new ImageList(images, { good: 'x' })).toThrow(/--good x is not one of --images/)
    expect(() => new ImageList(images, { good: images[5], bad: images[2] })).toThrow(/from the oldest/)
    expect(() => new ImageList([images[0]!])).toThrow(/name two or more/)
    expect(() => new ImageList([images[0]!, images[1]!, images[0]!])).toThrow(/twice/)
  })
})

describe('commits of git', { timeout: 60_000 }, () => {
  const git = async (folder: string, ...args: string[]): Promise<string> => {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false']
    return (await runLocally(['git', ...identity, '-C', folder, ...args])).stdout.trim()
  }
  const state = async (folder: string): Promise<string> =>
    (
      await Promise.all([
        git(folder, 'for-each-ref'),
        git(folder, 'status', '--porcelain=v2', '--branch'),
        git(folder, 'worktree', 'list'),
        git(folder, 'rev-parse', 'HEAD'),
        git(folder, 'stash', 'list'),
      ])
    ).join('\n')

  /** Commits whose folder `plane` has a file `speed`; a side branch is merged in between. */
  async function repository(
    speeds: readonly (number | string)[],
  ): Promise<{ folder: string; commits: string[] }> {
    const folder = scratchFolder()
    await git(folder, 'init', '--quiet', '--initial-branch=main')
    const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`
    const commit = (mark: number, message: string, rest: string): string =>
      `commit refs/heads/main\nmark :${mark}\ncommitter t <t@example.org> ${1_700_000_000 + mark} +0000\n${data(message)}${rest}`
    const stream = speeds.map((speed, index) => {
      const files = `M 644 inline plane/speed\n${data(String(speed))}M 644 inline plane/log\n${data(String(index))}`
      if (index !== 3) return commit(index + 1, `change ${index}`, files)
      const side = commit(100, 'on the side', `from :2\nM 644 inline other\n${data('x')}`)
      return (
        side.replaceAll('heads/main', 'heads/side') + commit(4, 'change 3', `from :3\nmerge :100\n${files}`)
      )
    })
    const marks = join(folder, '.git/marks')
    const argv = ['git', '-C', folder, 'fast-import', '--quiet', `--export-marks=${marks}`]
    await runLocally(argv, { input: stream.join('') })
    await git(folder, 'checkout', '--quiet', 'main')
    const pairs = readFileSync(marks, 'utf8').trim().split('\n')
    const found = new Map(pairs.map((line) => line.split(' ') as [string, string]))
    return { folder, commits: speeds.map((_, index) => found.get(`:${index + 1}`)!) }
  }

  async function open(
    folder: string,
    good: string,
    bad: string,
  ): Promise<{ commits: GitCommits; work: string }> {
    const work = join(scratchFolder(), 'source')
    const commits = await GitCommits.open(work, await findCommits(join(folder, 'plane'), { good, bad }))
    onTestFinished(() => commits[Symbol.asyncDispose]())
    return { commits, work }
  }

  const speedOf = (argv: readonly string[]): number | string => {
    const speed = readFileSync(join(valueOf(argv, '--dpservice-source')!, 'speed'), 'utf8')
    return Number.isNaN(Number(speed)) ? speed : Number(speed)
  }

  test('the first bad one is found around one that does not build; the repository is as before', async () => {
    const { folder, commits } = await repository([9, 9, 9, 9, 'does not build', 9, 7, 7, 7])
    const before = await state(folder)
    const { commits: range, work } = await open(folder, commits[0]!, 'main')
    const { found, steps } = await searchIn(range, speedOf)
    expect(found).toMatchObject({
      state: 'found',
      first: { id: commits[6], label: expect.stringMatching(/change 6$/) },
    })
    expect((await range.log()).join('\n')).toMatch(/# first bad commit: .*change 6/)
    expect(valueOf(steps[0]!.argv!, '--stage')).toBe('dev')
    // trees of commits that are done are gone
    expect(steps.filter(({ argv }) => existsSync(valueOf(argv!, '--dpservice-source')!))).toEqual([])
    await range[Symbol.asyncDispose]()
    expect(existsSync(work)).toBe(false)
    expect(await state(folder)).toBe(before)
  })

  test('commits that cannot be told apart are named', async () => {
    const { folder, commits } = await repository([9, 9, 9, 'no', 'no', 7])
    const { commits: range } = await open(folder, commits[2]!, commits[5]!)
    const { found } = await searchIn(range, speedOf)
    expect(found).toMatchObject({ state: 'hidden' })
    const labels =
      found.state === 'hidden' ? found.among.map(({ label }) => label.split(' ').slice(1).join(' ')) : []
    expect(labels).toEqual(expect.arrayContaining(['change 3', 'change 4', 'change 5']))
  })

  test('a commit that is on no branch, and a tag, are ends like others', async () => {
    const { folder, commits } = await repository([9, 9, 7])
    await git(folder, 'checkout', '--quiet', '--detach')
    writeFileSync(join(folder, 'plane/speed'), '6.5')
    await git(folder, 'commit', '--quiet', '-am', 'on no branch')
    const loose = await git(folder, 'rev-parse', 'HEAD')
    await git(folder, 'checkout', '--quiet', 'main')
    await git(folder, 'tag', '-a', 'v1', '-m', 'v1', commits[0]!)
    const { commits: range } = await open(folder, 'v1', loose)
    expect((await searchIn(range, speedOf)).found).toMatchObject({ first: { id: commits[2] } })
  })

  test('what is no clean checkout or no range is refused with a sentence', async () => {
    const { folder, commits } = await repository([9, 7])
    const plane = join(folder, 'plane')
    const ends = { good: commits[0]!, bad: commits[1]! }
    await expect(findCommits(plane, { ...ends, good: 'v9' })).rejects.toThrow(/--good v9 is no commit/)
    await expect(findCommits(plane, { good: ends.bad, bad: ends.good })).rejects.toThrow(
      /does not come before/,
    )
    await expect(findCommits(plane, { good: ends.good, bad: ends.good })).rejects.toThrow(/the same commit/)
    await expect(findCommits(scratchFolder(), ends)).rejects.toThrow(/is not in a git repository/)
    await expect(findCommits(join(folder, 'nowhere'), ends)).rejects.toThrow(UsageError)
    writeFileSync(join(plane, 'speed'), '5')
    await expect(findCommits(plane, ends)).rejects.toThrow(/is not a clean checkout.*\n.*plane\/speed/)
  })
})
