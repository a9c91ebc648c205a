/** The one place where arguments become text for a POSIX shell. Everything above deals in argument arrays. */

const plain = /^[A-Za-z0-9_\-+=:,./@%^]+$/

/** One argument as a POSIX shell word. */
export function quoteArg(argument: string): string {
  if (argument.includes('\0')) throw new TypeError('a shell argument cannot contain a NUL byte')
  if (plain.test(argument)) return argument
  return `'${argument.replaceAll("'", `'\\''`)}'`
}

/** An argument array as one shell command line. */
export function quoteArgv(argv: readonly string[]): string {
  return argv.map(quoteArg).join(' ')
}

/** Runs `command`, a POSIX shell script, with `args` as `$1`, `$2`, …: values never become code. */
export function shell(command: string, ...args: readonly string[]): string[] {
  return ['sh', '-c', command, 'sh', ...args]
}

/** Runs `commands` one after the other, up to the first that fails. */
export function inOrder(commands: readonly (readonly string[])[]): string[] {
  return ['sh', '-c', commands.map(quoteArgv).join(' && ')]
}
