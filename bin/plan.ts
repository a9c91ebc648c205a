/** `dpbench plan`: everything that a run would do, without reaching a host. */
import { ExitCode, UsageError } from '../src/core/errors.ts'
import { hookModules } from '../src/plan/module-hooks.ts'
import { type OptionSpec, helpOf, takeOptions } from './options.ts'

const planOptions: readonly OptionSpec[] = [
  { name: 'format', value: 'text|json', help: 'default: text' },
  {
    name: 'dhcp-client',
    value: 'networkd|dhclient',
    help: 'what leases the data NICs in the guests; default: networkd',
  },
  { name: 'suites', help: 'ask Vitest which suites and tests there are, which takes seconds' },
]

const formats = ['text', 'json'] as const
const dhcpClients = ['networkd', 'dhclient'] as const

export const planHelp = `dpbench plan --mode MODE [options] [suite files…]

Takes the options of \`dpbench run\`, and is refused for what a run would be refused for. Nothing is done: the run's own code is
run on machines that write down what they are told. Its own options:

${helpOf(planOptions)}

-t NAME shows the tests of that name. Without --suites: of dpbench's own suites, or of the files that are named.`

/** @returns 0; 2 or 3 where a run would end before it reaches a host, as it would end */
export async function plan(argv: readonly string[]): Promise<number> {
  hookModules()
  const { runOptions, applySettings, noSuite } = await import('./run.ts')
  const { values: own, rest: others } = takeOptions(argv, planOptions)
  const { values, rest } = takeOptions(others, runOptions)
  const format = oneOf('format', own['format'], formats)
  const dhcpClient = oneOf('dhcp-client', own['dhcp-client'], dhcpClients)
  applySettings(values)
  const [{ askedForTags, readSettings }, { runInputs, unknownTags }, { chooseTests }, { makePlan }] =
    await Promise.all([
      import('../src/vitest/settings.ts'),
      import('../src/vitest/run-inputs.ts'),
      import('../src/plan/choose-tests.ts'),
      import('../src/plan/plan.ts'),
    ])
  const asked = await askedFor(rest)
  const inputs = await runInputs(readSettings(process.env))
  const { tags, verbose } = inputs.settings
  const collected = own['suites'] ? await collectedTests(rest) : undefined
  const unknown = collected ? undefined : unknownTags(tags, askedForTags)
  if (unknown !== undefined) throw new UsageError(unknown)
  const chosen = await chooseTests({ ...asked, tags, collected })
  if (chosen.noneMeant) throw noSuite(asked.filter)
  const { plan: made, trouble } = await makePlan({ inputs, ...chosen, guests: { dhcpClient } })
  if (format === 'json') await print(JSON.stringify(made, undefined, 2))
  else await print((await import('../src/plan/render.ts')).renderPlan(made, { verbose }))
  return trouble?.exitCode ?? ExitCode.passed
}

function oneOf<T extends string>(
  name: string,
  given: string | true | undefined,
  known: readonly [T, ...T[]],
): T {
  if (given === undefined) return known[0]
  const found = known.find((each) => each === given)
  if (found === undefined) throw new UsageError(`--${name} is "${given}": write ${known.join(' or ')}`)
  return found
}

interface Asked {
  readonly filter: readonly string[]
  readonly testNamePattern?: string | undefined
}

/** Resolves when all of it is gone: a plan is longer than what a pipe holds. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${text}\n`, () => resolve()))
}

/** Of Vitest's options, which it alone knows; it is not asked where there is none but `-t`. */
async function askedFor(rest: readonly string[]): Promise<Asked> {
  const filter: string[] = []
  let testNamePattern: string | undefined
  for (let at = 0; at < rest.length; at++) {
    const argument = rest[at]!
    const [, inline] = /^(?:-t|--testNamePattern)=(.*)$/s.exec(argument) ?? []
    if (inline !== undefined) testNamePattern = inline
    else if ((argument === '-t' || argument === '--testNamePattern') && rest[at + 1] !== undefined)
      testNamePattern = rest[++at]
    else if (argument.startsWith('-')) return askedOfVitest(rest)
    else filter.push(argument)
  }
  return { filter, testNamePattern }
}

/** @throws UsageError for an option that neither side knows */
async function askedOfVitest(rest: readonly string[]): Promise<Asked> {
  const { runOptions, vitestArguments } = await import('./run.ts')
  const { filter, options } = await vitestArguments(rest, [...runOptions, ...planOptions])
  const { testNamePattern } = options as { testNamePattern?: string }
  return { filter, testNamePattern }
}

/** The tests that Vitest would run: files, and names with their groups. */
async function collectedTests(rest: readonly string[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const { requirePlugin, vitestArguments } = await import('./run.ts')
  const { createVitest } = await import('vitest/node')
  const { filter, options } = await vitestArguments(rest)
  const vitest = await createVitest({ ...options, run: true, watch: false, reporters: [{}] })
  try {
    requirePlugin(vitest)
    const { testModules } = await vitest.collect(filter, { staticParse: false })
    const found = new Map<string, ReadonlySet<string>>()
    for (const module of testModules) {
      const tests = [...module.children.allTests()].filter(({ options: { mode } }) => mode !== 'skip')
      found.set(module.moduleId, new Set(tests.map(({ fullName }) => fullName.replaceAll(' > ', ' '))))
    }
    return found
  } finally {
    await vitest.close()
  }
}
