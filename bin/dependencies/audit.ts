/** Known weaknesses of the packages in package-lock.json, as npm's registry tells them. */
import { z } from 'zod'
import { toolJson } from '../../src/core/tool-output.ts'
import { tryLocally } from '../../src/core/local-command.ts'

const reportSchema = z.looseObject({
  auditReportVersion: z.number().optional(),
  vulnerabilities: z
    .record(z.string(), z.looseObject({ severity: z.string(), range: z.string().optional() }))
    .optional(),
  message: z.string().optional(),
})

export type Audit =
  | { readonly state: 'audited'; readonly findings: readonly string[] }
  /** The registry does not offer it, or cannot be reached. */
  | { readonly state: 'skipped'; readonly why: string }

export async function audit(folder: string): Promise<Audit> {
  const argv = ['npm', 'audit', '--json', '--package-lock-only']
  const { stdout, stderr, timedOut } = await tryLocally(argv, { cwd: folder, timeoutMs: 60_000 })
  if (timedOut) return { state: 'skipped', why: 'the registry did not answer within 60 s' }
  return auditOf(stdout, stderr)
}

/** Reads what `npm audit --json` printed: its exit status is the same for findings and for a registry that has no audit. */
export function auditOf(stdout: string, stderr: string): Audit {
  const said = stderr.trim().split('\n').at(-1)
  if (stdout.trim() === '') return { state: 'skipped', why: said || 'npm audit printed nothing' }
  const report = toolJson(reportSchema, stdout, 'npm audit')
  if (report.auditReportVersion === undefined)
    return { state: 'skipped', why: report.message ?? said ?? 'no report' }
  const found = Object.entries(report.vulnerabilities ?? {})
  return {
    state: 'audited',
    findings: found.map(([name, { severity, range }]) => `${name} ${range ?? ''}: ${severity}`),
  }
}
