/** The command line's options, all in one table: what they are called, what they take, what they do. */
import { UsageError } from '../src/core/errors.ts'
import { suggest } from '../src/core/suggest.ts'

export interface OptionSpec {
  readonly name: string
  readonly aliases?: readonly string[]
  /** What its value is, for the help; without it the option is a switch. */
  readonly value?: string
  /** What a value looks like that may be left out; what looks otherwise is the next argument. */
  readonly optional?: RegExp
  readonly help: string
}

/** A value, or `true` for a switch, by the option's name without dashes. */
export type OptionValues = Readonly<Record<string, string | true>>

export interface ParsedArguments {
  readonly values: OptionValues
  /** What is no option of ours, in its order: positionals, and options that somebody else may know. */
  readonly rest: readonly string[]
}

/**
 * Takes the options of `specs` out of `argv`. Everything after `--` is left alone.
 * @throws UsageError for an option without its value, given twice, or a switch with one
 */
export function takeOptions(argv: readonly string[], specs: readonly OptionSpec[]): ParsedArguments {
  const byName = new Map(
    specs.flatMap((spec) => [spec.name, ...(spec.aliases ?? [])].map((name) => [name, spec])),
  )
  const values: Record<string, string | true> = {}
  const rest: string[] = []
  const faults: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index]!
    if (argument === '--') {
      rest.push(...argv.slice(index))
      break
    }
    const [, name, , inline] = /^--([^=]+)(=(.*))?$/s.exec(argument) ?? []
    const spec = name === undefined ? undefined : byName.get(name)
    if (!spec) {
      rest.push(argument)
      continue
    }
    if (spec.name in values) faults.push(`--${spec.name} is given twice: give it once`)
    if (spec.value === undefined) {
      if (inline !== undefined) faults.push(`--${name} takes no value: write --${name} alone`)
      values[spec.name] = true
      continue
    }
    const next = argv[index + 1]
    if (spec.optional && inline === undefined && !spec.optional.test(next ?? '')) {
      values[spec.name] = true
      continue
    }
    if (inline === undefined && (next === undefined || next.startsWith('--'))) {
      faults.push(`--${name} needs a value: write --${name} ${spec.value}`)
      continue
    }
    values[spec.name] = inline ?? next!
    if (inline === undefined) index++
  }
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return { values, rest }
}

/** Takes an option that may stand there several times out of `argv`. @throws UsageError for one without its value */
export function takeRepeated(
  argv: readonly string[],
  spec: OptionSpec,
): { readonly values: readonly string[]; readonly rest: readonly string[] } {
  const values: string[] = []
  let rest = argv
  for (;;) {
    const index = rest.findIndex((each) => each === `--${spec.name}` || each.startsWith(`--${spec.name}=`))
    if (index < 0) return { values, rest }
    const length = rest[index]!.includes('=') ? 1 : 2
    const one = takeOptions(rest.slice(index, index + length), [spec])
    values.push(String(one.values[spec.name]))
    rest = [...rest.slice(0, index), ...rest.slice(index + length)]
  }
}

/** @throws UsageError for each option in `rest`, with the nearest one that there is */
export function refuseUnknown(
  rest: readonly string[],
  specs: readonly OptionSpec[],
  others: readonly string[] = [],
): void {
  const known = [...specs.map((spec) => spec.name), ...others]
  const faults = rest
    .filter((argument) => argument.startsWith('-'))
    .map((argument) => unknownOption(argument.replace(/^-+/, '').split('=')[0]!, known))
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
}

export function unknownOption(name: string, known: readonly string[]): string {
  const near = suggest(name, known)
  return `unknown option --${name}${near === undefined ? '' : `: did you mean --${near}?`}`
}

/** One line per option. */
export function helpOf(specs: readonly OptionSpec[]): string {
  const names = specs.map((spec) => `--${spec.name}${spec.value === undefined ? '' : ` ${spec.value}`}`)
  const width = Math.max(...names.map((name) => name.length))
  return specs.map((spec, index) => `  ${names[index]!.padEnd(width)}  ${spec.help}`).join('\n')
}
