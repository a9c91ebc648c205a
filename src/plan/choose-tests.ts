/** Which suites and tests a run would take, by what can be told without Vitest. */
import { readdir, readFile, stat } from 'node:fs/promises'
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
}

export interface Chosen {
  readonly tests: readonly CollectedTest[]
  readonly allTests: readonly CollectedTest[]
  readonly notes: readonly string[]
}

/** dpbench's own suites where this is dpbench, else the files that are named. */
export async function chooseTests(asked: Asked): Promise<Chosen> {
  const named = await filesNamed(asked.filter)
  const own = await ownSuites()
  const matching = own.filter(
    (file) => asked.filter.length === 0 || asked.filter.some((part) => file.includes(part)),
  )
  const files = [...new Set([...matching, ...named])]
  const notes =
    files.length > 0
      ? []
      : ['no tests are shown: which suites there are is what vitest.config.ts says; --suites asks Vitest, or name their files']
  const { tests: allTests, unread } = await readSuites(files)
  const pattern = asked.testNamePattern === undefined ? undefined : withClassicNames(new RegExp(asked.testNamePattern))
  const tests = allTests.filter(
    ({ fullName, tags }) => tagsMatch(asked.tags, tags) && (pattern?.test(fullName) ?? true),
  )
  return { tests, allTests, notes: [...notes, ...unread] }
}

/** In the order in which Vitest runs them first: by name. */
async function ownSuites(): Promise<string[]> {
  const root = process.cwd()
  const manifest = await readFile(join(root, 'package.json'), 'utf8').catch(() => '{}') // no project, no suites
  if ((JSON.parse(manifest) as { name?: string }).name !== 'dpbench') return []
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
