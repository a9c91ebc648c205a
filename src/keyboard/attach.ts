/** This process's terminal, or its standard streams, as the two ends of a conversation with a remote program. */
import { constants } from 'node:os'
import type { Conversation, Conversing } from '../transport/ssh/conversation.ts'
import { ConnectionError } from '../core/errors.ts'

/** Standard input, output and error of a process; tests give others. */
export interface Streams {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WritableStream
}

/** Whether a person sits there. */
export function isTerminal({ stdin, stdout }: Pick<Streams, 'stdin' | 'stdout'>): boolean {
  return stdin.isTTY === true && stdout.isTTY === true
}

/** What the far side's terminal is to be like. */
export function ownTerminal({ stdout }: Pick<Streams, 'stdout'>): NonNullable<Conversing['terminal']> {
  return { columns: stdout.columns || 80, rows: stdout.rows || 24, type: process.env['TERM'] }
}

export interface AttachOptions extends Streams {
  /** Keys go to the far side as they are pressed, Ctrl-C too. */
  readonly raw: boolean
  readonly signal: AbortSignal
  /** Does something else when the input ends than ending the program's input. */
  readonly atInputEnd?: () => void
}

/**
 * Carries input and output until the remote program ends; returns its exit status as a shell tells it. Aborting ends it.
 * @throws ConnectionError when the connection was lost
 */
export async function attach(talk: Conversation, options: AttachOptions): Promise<number> {
  const { stdin, stdout, stderr, raw, signal, atInputEnd } = options
  const close = (): void => void talk.close().catch(() => undefined) // a lost connection ends it too, and is told below
  const resize = (): void => talk.resize(ownTerminal(options))
  const onEnd = atInputEnd ?? (raw ? close : (): void => void talk.stream.end())
  if (signal.aborted) close()
  signal.addEventListener('abort', close, { once: true })
  stdin.on('error', close) // EIO: the terminal is gone
  stdin.on('end', onEnd)
  if (raw) {
    stdin.setRawMode(true)
    stdout.on('resize', resize)
  }
  stdin.pipe(talk.stream, { end: false })
  talk.stream.pipe(stdout, { end: false })
  talk.stderr.pipe(stderr, { end: false })
  talk.stream.on('error', close)
  try {
    const { exitCode, signal: name } = await talk.ended
    signal.throwIfAborted()
    if (exitCode !== null) return exitCode
    if (name !== null) return 128 + (constants.signals[`SIG${name}` as NodeJS.Signals] ?? 0)
    throw new ConnectionError('the connection was lost before the command had ended')
  } finally {
    signal.removeEventListener('abort', close)
    stdin.off('error', close).off('end', onEnd).unpipe(talk.stream)
    stdin.pause()
    stdout.off('resize', resize)
    if (raw && stdin.isTTY) stdin.setRawMode(false)
  }
}
