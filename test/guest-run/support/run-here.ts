/** A whole guest run in a process guest, for a script given as text. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GuestRunRecord } from '../../../src/guest-run/record.ts'
import { type GuestRunSettings, runInGuest } from '../../../src/guest-run/run.ts'
import { type StageOptions, stage } from '../../../src/guest-run/stage.ts'
import { scratchFolder } from '../../scratch-folder.ts'
import { type ProcessLauncher, processLauncher } from './process-guest.ts'

export interface RunHere {
  readonly record: GuestRunRecord
  readonly results: string
  readonly temporary: string
  readonly console: string
}

export interface HereOptions {
  readonly launcher?: ProcessLauncher
  readonly settings?: Partial<GuestRunSettings>
  readonly staging?: Partial<StageOptions>
  /** Files beside the script. */
  readonly beside?: Readonly<Record<string, string>>
}

/** `text` without a line for the shell gets one, and memory where it declares none. */
export async function runHere(text: string, options: HereOptions = {}): Promise<RunHere> {
  const [home, results, temporary] = [scratchFolder(), scratchFolder(), scratchFolder()]
  const script = join(home, 'test.sh')
  await writeFile(script, text.startsWith('#!') ? text : `#!/bin/sh\n# MEM=128M\n${text}`, { mode: 0o755 })
  for (const [name, content] of Object.entries(options.beside ?? {}))
    await writeFile(join(home, name), content, { mode: 0o755 })
  const folder = join(temporary, 'served')
  await mkdir(folder)
  const staged = await stage(script, { folder, ...options.staging })
  let console = ''
  const record = await runInGuest(
    staged,
    {
      launcher: options.launcher ?? processLauncher(),
      port: 0,
      log: () => undefined,
      onConsole: (piece) => (console += piece),
      signal: new AbortController().signal,
      pauses: { settleMs: 300, faultMs: 200, markerMs: 200, termMs: 500 },
      ...options.settings,
    },
    { results, temporary },
  )
  return { record, results, temporary, console }
}
