/** Where the results of pairs go: `results/<tag>/<group>/`. */
import { existsSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UsageError } from '../src/core/errors.ts'
import type { Group } from '../src/pairs/group.ts'
import { tagName, timeName } from '../src/report/names.ts'

/**
 * The folder of the tag: groups of several calls come together in it. Where one of these groups has results already, `-2`,
 * `-3`, … is added: nothing is overwritten. @throws UsageError for a tag that is no name
 */
export async function resultsFor(tag: string | undefined, groups: readonly Group[]): Promise<string> {
  const name = tag === undefined ? timeName(new Date().toISOString()) : tagName(tag)
  for (let count = 1; ; count++) {
    const folder = resolve('results', count === 1 ? name : `${name}-${count}`)
    if (groups.some((group) => existsSync(join(folder, group.name)))) continue
    await mkdir(folder, { recursive: true })
    return folder
  }
}

/** Of an earlier call. @throws UsageError for each group that has none */
export function oldResults(tag: string, groups: readonly Group[]): string {
  const folder = [resolve(tag), resolve('results', tag)].find((each) =>
    groups.some((group) => isFolder(join(each, group.name))),
  )
  const faults = groups
    .filter((group) => folder === undefined || !isFolder(join(folder, group.name)))
    .map((group) => `--rerun: there are no results of ${group.name} in results/${tag}: name an earlier --tag`)
  if (folder === undefined || faults.length > 0) throw new UsageError(faults.join('\n'))
  return folder
}

export const tagOf = (folder: string): string => basename(folder)

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
