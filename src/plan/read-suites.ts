/** Reads suites without Vitest: their import of `dpbench` is answered with an API that keeps the tests (module-hooks.ts). */
import { relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UsageError, describeError } from '../core/errors.ts'
import { hookModules, hooked } from './module-hooks.ts'
import { type CollectedTest, collecting } from './suite-api.ts'

/**
 * The tests of `files`, in their order, and of the others why they cannot be shown.
 * @throws UsageError with a Node that has no hooks for modules (before 22.15)
 */
export async function readSuites(
  files: readonly string[],
): Promise<{ tests: CollectedTest[]; unread: string[] }> {
  if (!hooked)
    throw new UsageError(
      `dpbench plan reads suites by hooks for modules, which Node ${process.version} lacks: use Node 22.15 or later`,
    )
  hookModules()
  const tests: CollectedTest[] = []
  const unread: string[] = []
  for (const file of files) {
    try {
      tests.push(...(await collecting(file, () => import(pathToFileURL(file).href))))
    } catch (error) {
      unread.push(`${relative(process.cwd(), file)} is not shown: ${describeError(error)}`)
    }
  }
  return { tests, unread }
}
