/**
 * What suites import as `dpbench` when a plan reads them: `test`, `describe` and `expect` that keep what they are given, and need no
 * Vitest. The parts of Vitest's API that suites of dpbench use; a suite that uses more is not shown, and said.
 */
import { format } from 'node:util'
import type { MetricExpectation } from '../verdict/metric.ts'
import type { Threshold } from '../vitest/judging.ts'
import type { MeasuredMetric } from '../vitest/metrics.ts'
import type { Throughput } from '../vitest/throughput.ts'

/** Builds a fixture from those that it asks for. */
type Fixture = (context: never, helpers: { onCleanup(undo: () => unknown): void }) => unknown
type Body = (context: never) => unknown

export interface CollectedTest {
  readonly file: string
  /** With its groups, as `-t` is matched against. */
  readonly fullName: string
  readonly name: string
  readonly tags: readonly string[]
  readonly fixtures: ReadonlyMap<string, Fixture>
  readonly body: Body
}

interface Options {
  readonly tags?: string | readonly string[]
  readonly skip?: boolean
}

/** Of the file that is being read. */
const reading = { file: '', tests: [] as CollectedTest[], groups: [] as { name: string; tags: string[] }[] }

/** @param load imports the file */
export async function collecting(file: string, load: () => Promise<unknown>): Promise<CollectedTest[]> {
  Object.assign(reading, { file, tests: [], groups: [] })
  await load()
  return reading.tests
}

function tagsOf({ tags = [] }: Options): string[] {
  return typeof tags === 'string' ? [tags] : [...tags]
}

/** As Vitest fills a name in for a case. */
function named(name: string, value: unknown): string {
  const values = Array.isArray(value) ? value : [value]
  return format(name, ...values.slice(0, name.match(/%[sdifjoO]/g)?.length ?? 0))
}

function given<T>(args: readonly unknown[]): { options: Options; body: T } {
  const options = (args.find((each) => typeof each === 'object' && each !== null) ?? {}) as Options
  return { options, body: args.find((each) => typeof each === 'function') as T }
}

function describing(name: string, ...args: readonly unknown[]): void {
  const { options, body } = given<() => void>(args)
  reading.groups.push({ name, tags: tagsOf(options) })
  body()
  reading.groups.pop()
}

export const describe = Object.assign(describing, {
  skip: () => undefined,
  for:
    <T>(cases: readonly T[]) =>
    (name: string, body: (value: T) => void): void =>
      cases.forEach((value) => describing(named(name, value), () => body(value))),
})

function testing(fixtures: ReadonlyMap<string, Fixture>): object {
  const add = (name: string, ...args: readonly unknown[]): void => {
    const { options, body } = given<Body>(args)
    if (options.skip) return
    const groups = reading.groups.map((group) => group.name)
    const tags = [...reading.groups.flatMap((group) => group.tags), ...tagsOf(options)]
    reading.tests.push({
      file: reading.file,
      fullName: [...groups, name].join(' '),
      name,
      tags,
      fixtures,
      body,
    })
  }
  return Object.assign(add, {
    skip: () => undefined,
    extend: (name: string, ...args: readonly unknown[]) =>
      testing(new Map([...fixtures, [name, given<Fixture>(args).body]])),
    for:
      <T>(cases: readonly T[]) =>
      (name: string, ...args: readonly unknown[]): void =>
        cases.forEach((value) => {
          const { options, body } = given<(value: T, context: never) => unknown>(args)
          const bound = (context: never): unknown => body(value, context)
          // whose parameters are looked at for fixtures
          bound.toString = () => `(${body.toString().replace(/^[^,]*,/, '')}`
          add(named(name, value), options, bound)
        }),
  })
}

export const test = testing(new Map())

/** What a test holds its figures against. */
export interface Expectations {
  reach(throughput: Throughput, threshold: Threshold): void
  hold(metric: MeasuredMetric, key: string, bound: MetricExpectation['bound']): void
}

/** Of the test that is being planned. */
export const expectations: { current: Expectations | undefined } = { current: undefined }

function expecting(received: unknown): object {
  const { current } = expectations
  const ours: Readonly<Record<string, (key: never) => unknown>> = {
    toReachExpected: (threshold: Threshold) => current?.reach(received as Throughput, threshold),
    toReach: (key: string) => current?.hold(received as MeasuredMetric, key, 'at_least'),
    toStayBelow: (key: string) => current?.hold(received as MeasuredMetric, key, 'at_most'),
  }
  // other expectations are about what a machine has answered, which nobody knows yet
  const passed = (): unknown =>
    new Proxy(() => undefined, { get: (_, name) => (name === 'then' ? undefined : passed()) })
  return new Proxy({}, { get: (_, name) => ours[String(name)] ?? passed() })
}

export const expect = Object.assign(expecting, { soft: expecting })

/** Hooks do things around tests that a plan cannot show. */
export function beforeAll(): never {
  throw new Error('it uses a hook (beforeAll, beforeEach, afterAll, afterEach), and a plan runs none')
}
export const [beforeEach, afterAll, afterEach] = [beforeAll, beforeAll, beforeAll]
export function pairs(): never {
  throw new Error('it runs a group of pairs, and a plan shows none')
}
export function guestRun(): never {
  throw new Error('it runs a script in a disposable VM: `dpbench guest run --dry-run` shows that')
}
