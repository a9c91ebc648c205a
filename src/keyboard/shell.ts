/** `dpbench ssh`: a shell, or one command, on a machine of the config. */
import type { SshHost } from '../transport/ssh/ssh-host.ts'
import { type Streams, attach, isTerminal, ownTerminal } from './attach.ts'

export interface ShellOptions extends Streams {
  /** One word is a line for the machine's shell; several are a program and its arguments, as they are. */
  readonly command: readonly string[]
  /** A terminal on the far side for `command` too. */
  readonly terminal: boolean
  readonly signal: AbortSignal
}

/** Without a terminal the login shell reads commands from standard input. */
const scriptedShell = ['sh', '-c', 'exec "${SHELL:-/bin/sh}" -l']

/** Runs it as the user who logs in; returns its exit status. @throws ConnectionError */
export async function remoteShell(host: SshHost, options: ShellOptions): Promise<number> {
  const { command } = options
  const person = isTerminal(options)
  const terminal = (person && command.length === 0) || options.terminal ? ownTerminal(options) : undefined
  const [only, ...more] = command
  const line = only !== undefined && more.length === 0 ? ['sh', '-c', only] : command
  const argv = command.length > 0 ? line : terminal ? undefined : scriptedShell
  const talk = await host.converse({ argv, terminal, sudo: false })
  return attach(talk, { ...options, raw: terminal !== undefined && person })
}
