/** A user's project in a folder of its own, and the real `dpbench` started in it. */
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabDescription } from '../lab/lab.ts'
import { runLocally } from '../src/core/local-command.ts'
import { type RunRecord, parseRecord } from '../src/report/record.ts'
import type { Stage } from './stage.ts'

const repository = join(import.meta.dirname, '..')
export const dpbenchBin = join(repository, 'bin/dpbench.ts')

export interface ProjectOptions {
  /** Suites by file name; default: those of benchmark/. */
  readonly suites?: Readonly<Record<string, string>>
  /** In the place of the lab's own. */
  readonly measurement: Readonly<Record<string, unknown>>
}

export interface Project {
  readonly folder: string
  /** Runs the suites with the lab's config; a missed threshold is no failure here. @throws CommandError */
  run(...options: readonly string[]): Promise<{ readonly seconds: number; readonly record: RunRecord }>
}

export async function makeProject(
  stage: Stage,
  lab: LabDescription,
  { suites, measurement }: ProjectOptions,
): Promise<Project> {
  const folder = await stage.folder()
  const config = JSON.parse(await readFile(lab.configFile, 'utf8')) as Record<string, unknown>
  await mkdir(join(folder, 'node_modules'))
  await symlink(repository, join(folder, 'node_modules/dpbench'))
  await symlink(join(repository, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }\n')
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({ ...config, measurement, expected_throughput: lowThresholds }),
  )
  await cp(join(repository, 'vitest.config.ts'), join(folder, 'vitest.config.ts'))
  if (suites === undefined)
    await cp(join(repository, 'benchmark'), join(folder, 'benchmark'), { recursive: true })
  else await mkdir(join(folder, 'benchmark'))
  for (const [name, text] of Object.entries(suites ?? {}))
    await writeFile(join(folder, 'benchmark', name), text)
  return {
    folder,
    async run(...options) {
      const started = performance.now()
      await runLocally(
        [
          process.execPath,
          dpbenchBin,
          'run',
          '--env-config-file',
          'config.json',
          '--verdict',
          'mean',
          ...options,
        ],
        { cwd: folder, signal: stage.signal, timeoutMs: 1_800_000 },
      )
      const seconds = (performance.now() - started) / 1000
      const file = join(folder, 'results/latest/run.json')
      return { seconds, record: parseRecord(await readFile(file, 'utf8'), file) }
    },
  }
}

/** What any lab does stays above it: what is measured here is not the data plane. */
const lowThresholds = {
  sw: { local_vm2vm: 0.001, remote_vm2vm: 0.001, nat: 0.001, lb: 0.001 },
  hw: { local_vm2vm: 0.001, remote_vm2vm: 0.001, nat: 0.001, lb: 0.001 },
}
