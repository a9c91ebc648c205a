/** A diagnosis as text for people, and as JSON for programs. Pure. */
import { quoteArgv } from '../core/shell-quote.ts'
import { type Diagnosis, exitCodeOf } from './diagnose.ts'
import type { Finding, Status } from './finding.ts'

const marks: Readonly<Record<Status, string>> = { ok: '✔', warning: '!', fault: '✖', 'not applicable': '–' }

/** Lines, machine by machine. */
export function renderText({ findings }: Diagnosis, seconds: number): string[] {
  const width = Math.max(0, ...findings.map(({ check }) => check.length))
  const byMachine = Map.groupBy(findings, ({ machine }) => machine)
  const lines = [...byMachine].flatMap(([machine, own]) => [
    machine,
    ...own.flatMap((finding) => [
      `  ${marks[finding.status]} ${finding.check.padEnd(width)}  ${finding.found}`,
      ...(finding.advice === undefined ? [] : [`    ${' '.repeat(width)}→ ${finding.advice}`]),
    ]),
  ])
  return [...lines, '', summary(findings, seconds)]
}

function summary(findings: readonly Finding[], seconds: number): string {
  const count = (status: Status): number => findings.filter((each) => each.status === status).length
  const some = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`
  const repairable = findings.filter(({ repairs = [] }) => repairs.length > 0).length
  const fix = repairable === 0 ? '' : `; dpbench doctor --fix can put ${repairable} right, after showing how`
  return (
    `${some(count('fault'), 'fault')}, ${some(count('warning'), 'warning')}, ${count('ok')} ok, ` +
    `${count('not applicable')} not applicable, in ${seconds.toFixed(1)} s${fix}`
  )
}

/** `version` changes when a field does. */
export function renderJson({ config, findings }: Diagnosis, seconds: number): string {
  const document = {
    version: 1,
    environment: config?.name ?? null,
    config: config?.sourceFile ?? null,
    exitCode: exitCodeOf(findings),
    seconds: Number(seconds.toFixed(2)),
    findings: findings.map(({ machine, check, status, found, advice, repairs }) => ({
      machine,
      check,
      status,
      found,
      ...(advice !== undefined && { advice }),
      ...(repairs && {
        repairs: repairs.map(({ what, commands }) => ({ what, commands: commands.map(quoteArgv) })),
      }),
    })),
  }
  return JSON.stringify(document, undefined, 2)
}
