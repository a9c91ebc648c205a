/** Which suites and tests a run would take: by Vitest, where it was asked, else by what can be told without it. */
import { readFile, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { withClassicNames } from '../vitest/classic-names.ts'
import { readSuites } from './read-suites.ts'
import type { CollectedTest } from './suite-api.ts'
import { tagsMatch } from './tags.ts'

export interface Asked {
  /** Names or parts of names of suite files. */
  readonly filter: readonly string[]
  readonly testNamePattern?: string | undefined
  readonly tags: string
  /** What Vitest would run: by file, the tests with their groups. */
  readonly collected?: ReadonlyMap<string, ReadonlySet<string>> | undefined
}

export interface Chosen {
  readonly tests: readonly CollectedTest[]
  readonly allTests: readonly CollectedTest[]
  /** Why suites or tests are not shown. */
  readonly notes: readonly string[]
  /** Whether the project has suites, and none was meant. */
  readonly noneMeant?: boolean
}

export async function chooseTests(asked: Asked): Promise<Chosen> {
  return asked.collected ? byVitest(asked.collected, asked.tags) : byThemselves(asked)
}

/** Tags are not Vitest's to look at before a run. */
async function byVitest(collected: NonNullable<Asked['collected']>, askedTags: string): Promise<Chosen> {
  if (collected.size === 0) return { tests: [], allTests: [], notes: [], noneMeant: true }
  const { tests: allTests, unread } = await readSuites([...collected.keys()])
  const meant = allTests.filter(({ tags }) => tagsMatch(askedTags, tags))
  const tests = meant.filter(({ file, fullName }) => collected.get(file)?.has(fullName))
  const shown = new Set(allTests.map(({ fullName }) => fullName))
  const missing = [...collected.values()].flatMap((names) => [...names].filter((name) => !shown.has(name)))
  const notes = unread.length > 0 || missing.length === 0 ? [] : [`not shown: ${missing.join('; ')}`]
  return { tests, allTests, notes: [...whyNone([...collected.keys()], tests), ...notes, ...unread] }
}

/** dpbench's own suites where this is dpbench, and the files that are named. */
async function byThemselves({ filter, testNamePattern, tags: askedTags }: Asked): Promise<Chosen> {
  const own = await ownSuites()
  const matching = own.filter((file) => filter.length === 0 || filter.some((part) => file.includes(part)))
  const files = [...new Set([...matching, ...(await filesNamed(filter))])]
  if (own.length > 0 && files.length === 0) return { tests: [], allTests: [], notes: [], noneMeant: true }
  const { tests: allTests, unread } = await readSuites(files)
  const pattern = testNamePattern === undefined ? undefined : withClassicNames(new RegExp(testNamePattern))
  const tests = allTests.filter(
    ({ fullName, tags }) => tagsMatch(askedTags, tags) && (pattern?.test(fullName) ?? true),
  )
  return { tests, allTests, notes: [...whyNone(files, tests), ...unread] }
}

function whyNone(files: readonly string[], tests: readonly CollectedTest[]): string[] {
  if (files.length === 0)
    return [
      'no tests are shown: which suites there are is for vitest.config.ts to say (--suites asks Vitest, or name their files)',
    ]
  return tests.length === 0 ? ['no test is of that name and tag'] : []
}

/** In the order of their names. */
async function ownSuites(): Promise<string[]> {
  const root = process.cwd()
  const manifest = await readFile(join(root, 'package.json'), 'utf8').catch(() => '{}') // no project, no suites
  if ((JSON.parse(manifest) as { readonly name?: string }).name !== 'dpbench') return []
  const files = await readdir(join(root, 'benchmark')).catch(() => []) // the package has none
  return files
    .filter((file) => file.endsWith('.test.ts'))
    .sort()
    .map((file) => join(root, 'benchmark', file))
}

async function filesNamed(names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const there = await stat(name).catch(() => undefined) // a part of a name
      return there?.isFile() ? [resolve(name)] : []
    }),
  )
  return found.flat()
}
