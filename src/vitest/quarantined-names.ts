/** Whether the tests that the config holds in quarantine are there at all: a misspelled name would excuse nothing. */
import type { Vitest } from 'vitest/node'
import type { BenchConfig } from '../config/index.ts'
import { ConfigError } from '../core/errors.ts'
import { suggest } from '../core/suggest.ts'
import { classicNames } from './classic-names.ts'

/**
 * Looks into every suite of the project, whatever of it is to run now, without running it: where a suite makes a name of
 * parts, anything may stand in their place.
 * @throws ConfigError with a sentence per unknown name
 */
export async function requireQuarantinedTests(
  vitest: Vitest,
  { quarantine = [], sourceFile }: Pick<BenchConfig, 'quarantine' | 'sourceFile'>,
): Promise<void> {
  const asked = quarantine.flatMap(({ test }) => test ?? [])
  if (asked.length === 0) return
  const project = vitest.projects[0]!
  const all = await vitest.globTestSpecifications()
  const modules = await vitest.parseSpecifications(all.filter((each) => each.project === project))
  const names = modules.flatMap((module) => [...module.children.allTests()].map(({ name }) => name))
  const faults = unknownNames(asked, [...new Set(names)])
  if (faults.length > 0) throw new ConfigError(`${sourceFile}: quarantine names what is no test:`, faults)
}

/** `${name} on one hypervisor`, `%s of $size`: what is put in when the suite runs. */
const part = /\$\{.*?\}|%[sdifjo#]|\$[a-z][\w.]*/gi

/** One sentence per name that is none of those in the suites' sources. */
export function unknownNames(asked: readonly string[], sources: readonly string[]): string[] {
  const patterns = sources.map((name) => new RegExp(`^${name.split(part).map(escaped).join('.+')}$`))
  const matches = (name: string): boolean => patterns.some((pattern) => pattern.test(name))
  const usual = Object.values(classicNames).filter(matches)
  const known = [...new Set([...sources.filter((name) => name.search(part) < 0), ...usual])]
  return asked
    .filter((name) => !matches(name))
    .map((name) => {
      const near = suggest(name, known)
      const shown = sources.map((source) => source.replaceAll(part, '…'))
      const instead = near === undefined ? `the tests are ${shown.join('; ')}` : `did you mean "${near}"?`
      return `"${name}": ${instead}`
    })
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
