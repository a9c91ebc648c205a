/** Writes what was found out into the environment's working config. */
import { readFile } from 'node:fs/promises'
import type { ConfigSource } from '../src/config/load.ts'
import {
  mergeProvisioned,
  withAbsolutePaths,
  writeWorkingConfig,
  type ProvisionedVm,
} from '../src/config/working-config.ts'
import type { ProvisionRun } from './run.ts'
import { undo } from './undo.ts'

/** A working config that says the same already stays untouched. */
export async function recordWorkingConfig(
  run: Pick<ProvisionRun, 'journal' | 'runId'>,
  source: ConfigSource,
  file: string,
  found: ReadonlyMap<string, ProvisionedVm>,
): Promise<void> {
  const config = mergeProvisioned(withAbsolutePaths(source.config, source.scope), found)
  const present = await readFile(file, 'utf8').catch(() => undefined)
  if (present === `${JSON.stringify(config, null, 2)}\n`) return
  if (present === undefined) {
    await run.journal.record({
      runId: run.runId,
      scope: 'provision',
      undo: undo.workingConfig(file),
      what: `working config ${file}`,
    })
  }
  await writeWorkingConfig(file, config)
}
