/** Where and of what the figures are. */
import { cpus, totalmem } from 'node:os'
import { runLocally } from '../src/core/local-command.ts'

/** `2 × AMD EPYC, 24 GiB` */
export function machine(): string {
  const [first] = cpus()
  const gib = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${first?.model.trim() ?? 'CPU'}, ${gib} GiB`
}

/** The commit of the tree that `folder` lies in; with changes to its programs `+` behind it. */
export async function commitOf(folder: string): Promise<string> {
  const git = async (...args: string[]): Promise<string> =>
    (await runLocally(['git', '-C', folder, ...args])).stdout.trim()
  const changed = await git('status', '--porcelain', '--', '*.ts', 'package-lock.json')
  return `${await git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : '+'}`
}

export interface Circumstances {
  readonly date: string
  readonly machine: string
  readonly commit: string
}

/** What every result says of itself. */
export function asCircumstances(
  { name, what, unit }: { readonly name: string; readonly what: string; readonly unit: string },
  { date, machine: on, commit }: Circumstances,
  notes: readonly string[] = [],
): Circumstances & { name: string; what: string; unit: string; notes: string[] } {
  return { name, what, unit, notes: [...notes], date, machine: on, commit }
}
