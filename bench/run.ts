/** Measures the chosen parts one after the other, and writes their figures. */
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError, describeError } from '../src/core/errors.ts'
import { replaceFile } from '../src/core/replace-file.ts'
import { suggest } from '../src/core/suggest.ts'
import type { Circumstances } from './circumstances.ts'
import { measurePart } from './measure.ts'
import { withFigures } from './page.ts'
import type { Part } from './part.ts'
import { plotGrowth, plotName } from './plot.ts'
import { type PartResult, merged, readRecord, recordText } from './record.ts'
import { Labs, type StageOptions, stageOf } from './stage.ts'

export interface Outcome {
  readonly results: readonly PartResult[]
  /** Parts without a figure, with the reason. */
  readonly failures: readonly { readonly name: string; readonly reason: string }[]
}

/** Every part that there is, by the names of their files. */
export async function allParts(): Promise<Part[]> {
  const folder = join(import.meta.dirname, 'parts')
  const files = (await readdir(folder)).filter((name) => name.endsWith('.ts')).sort()
  const modules = await Promise.all(
    files.map((name) => import(join(folder, name)) as Promise<{ parts?: readonly Part[] }>),
  )
  return modules.flatMap(({ parts = [] }) => parts)
}

/** The parts with these names, in the order of the parts; without names all but the optional ones. @throws UsageError with a sentence for each name that there is not */
export function chosenParts(parts: readonly Part[], names: readonly string[]): readonly Part[] {
  const known = parts.map(({ name }) => name)
  const faults = names
    .filter((name) => !known.includes(name))
    .map((name) => {
      const near = suggest(name, known)
      return `there is no part "${name}": ${near === undefined ? `the parts are ${known.join(', ')}` : `did you mean ${near}?`}`
    })
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return names.length === 0
    ? parts.filter(({ optional }) => !optional)
    : parts.filter(({ name }) => names.includes(name))
}

/** A part that fails says so, and the others go on. @throws the signal's reason */
export async function runParts(
  parts: readonly Part[],
  options: StageOptions,
  where: Circumstances,
): Promise<Outcome> {
  await using labs = new Labs(options)
  const results: PartResult[] = []
  const failures: { name: string; reason: string }[] = []
  for (const part of parts) {
    options.signal.throwIfAborted()
    options.log(`${part.name}: ${part.what}`)
    try {
      const stage = stageOf(labs, options)
      await using _own = stage.own
      results.push(await measurePart(part, stage, where))
    } catch (error) {
      options.signal.throwIfAborted()
      failures.push({ name: part.name, reason: describeError(error) })
      options.log(`${part.name} failed: ${describeError(error)}`)
    }
  }
  return { results, failures }
}

/** Into `folder`, a repository of dpbench or a folder that is laid out as one. */
export async function writeFigures(
  folder: string,
  results: readonly PartResult[],
  parts: readonly Part[],
): Promise<void> {
  const file = join(folder, 'bench-self.json')
  const page = join(folder, 'docs/performance.md')
  const record = merged(await readRecord(file), results, parts)
  const text = withFigures(await readFile(page, 'utf8'), record)
  await mkdir(join(folder, 'docs/pictures'), { recursive: true })
  for (const result of results)
    if (result.kind === 'growth')
      await replaceFile(join(folder, 'docs/pictures', plotName(result.name)), plotGrowth(result))
  await replaceFile(file, recordText(record))
  await replaceFile(page, text)
}
