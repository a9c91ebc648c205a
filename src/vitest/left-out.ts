/** Tests that nobody asked for: those of suites that run by their tag alone. They are no skipped tests of the run. */
import type { TestCase } from 'vitest/node'
import { askedForTags, defaultTags } from './settings.ts'

export class LeftOut {
  private readonly tests = new Map<string, number>()
  private readonly asked: string

  /** @param asked the run's `--tags` */
  constructor(asked: string) {
    this.asked = asked
  }

  /** Whether the test is one of them; it is counted then. */
  takes(test: TestCase): boolean {
    if (this.asked !== defaultTags || test.result().state !== 'skipped') return false
    const tag = askedForTags.find((each) => test.tags.includes(each))
    if (tag !== undefined) this.tests.set(tag, (this.tests.get(tag) ?? 0) + 1)
    return tag !== undefined
  }

  lines(): string[] {
    return [...this.tests].map(
      ([tag, tests]) => `${tests} tests with the tag ${tag} were left out: --tags ${tag} runs them`,
    )
  }
}
