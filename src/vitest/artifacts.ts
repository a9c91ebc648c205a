/** Where a test's raw outputs go in the results folder. */
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { TestContext } from 'vitest'
import type { RunContext } from './run-context.ts'

type Task = TestContext['task']

/** The suite's name: its file's, without the endings. */
export function suiteName(file: string): string {
  return basename(file).replace(/\.(test|spec)\.[cm]?[jt]sx?$/, '')
}

/** `<suite>/<test> (<mode>)`, each a plain folder name. */
export function testFolder(suite: string, test: string, mode: string): string {
  return join(folderName(suite), folderName(`${test} (${mode})`))
}

/** A store for one test's files. */
export function artifactStore(
  run: RunContext,
  task: Task,
): (name: string, content: string) => Promise<string> {
  const folder = testFolder(suiteName(task.file.filepath), task.name, run.mode)
  return async (name, content) => {
    const path = join(folder, folderName(name))
    await mkdir(join(run.resultsFolder, folder), { recursive: true })
    await writeFile(join(run.resultsFolder, path), content)
    return path
  }
}

function folderName(text: string): string {
  const name = text.replaceAll(/[^\p{L}\p{N} ._()→-]/gu, '_').slice(0, 120)
  return /^\.*$/.test(name) ? '_' : name
}
