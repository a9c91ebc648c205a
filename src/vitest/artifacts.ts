/** Where a test's raw outputs go in the results folder. */
import type { TestContext } from 'vitest'
import { createTestFolder, writeArtifact } from '../report/results-folder.ts'
import type { RunContext } from './run-context.ts'
import { suiteName } from './suite-name.ts'

/** A store for one test's files; its folder is made with the first of them and told to the main process. */
export function artifactStore(
  run: RunContext,
  task: TestContext['task'],
): (name: string, content: string) => Promise<string> {
  let folder: Promise<string> | undefined
  return async (name, content) => {
    const test = { suite: suiteName(task.file.filepath), name: task.name, mode: run.mode }
    const path = await (folder ??= createTestFolder(run.resultsFolder, test))
    task.meta.dpbench!.folder = path
    return writeArtifact(run.resultsFolder, path, name, content)
  }
}
