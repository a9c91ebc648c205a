/** A remote command, or a login shell, that a person or a program talks with while it runs: with a terminal, or without. */
import { PassThrough, type Readable } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { type CommandEnd, MarkerFilter, commandLine } from './remote-process.ts'

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

export interface Conversing {
  /** Without one it is the user's login shell, as the user. */
  readonly argv?: readonly string[] | undefined
  /** A terminal on the far side; it is hung up when the conversation is closed. */
  readonly terminal?: (TerminalSize & { readonly type?: string | undefined }) | undefined
  /** Run `argv` through `sudo -n`. Default: what the host was connected with. */
  readonly sudo?: boolean | undefined
}

export interface Conversation {
  /** Its standard output is read from it, its input is written to it. */
  readonly stream: ClientChannel
  /** With a terminal it says nothing: all output comes through that. */
  readonly stderr: Readable
  readonly ended: Promise<CommandEnd>
  resize(size: TerminalSize): void
  /** Ends what runs, once: its terminal is hung up, or its process group gets SIGTERM, then SIGKILL. */
  close(): Promise<void>
}

type Done = (error: Error | undefined, conversation: Conversation) => void

/** Told `done` with a failure, or with the conversation, whose listeners are all there by then. */
export function startConversation(
  client: Client,
  { argv, terminal, sudo = false }: Conversing,
  kill: (processGroup: number) => Promise<void>,
  done: Done,
): void {
  const pty = terminal && { term: terminal.type ?? 'dumb', cols: terminal.columns, rows: terminal.rows }
  const begin = (error: Error | undefined, channel: ClientChannel): void => {
    if (error) done(error, undefined as never)
    else done(undefined, conversationOn(channel, terminal !== undefined, kill))
  }
  if (argv) client.exec(commandLine(argv, sudo, !terminal), pty ? { pty } : {}, begin)
  else client.shell(pty ?? false, begin)
}

function conversationOn(
  channel: ClientChannel,
  hasTerminal: boolean,
  kill: (processGroup: number) => Promise<void>,
): Conversation {
  const ended = ending(channel)
  const stderr = new PassThrough()
  const group = new Promise<number>((resolve) => {
    const filter = new MarkerFilter(resolve)
    if (hasTerminal) return channel.stderr.pipe(stderr)
    channel.stderr.on('data', (chunk: Buffer) => stderr.write(filter.pass(chunk)))
    channel.stderr.once('end', () => stderr.end(filter.head ?? ''))
  })
  const close = async (): Promise<void> => {
    if (!hasTerminal) {
      const running = await Promise.race([group, ended.then(() => undefined)])
      if (running !== undefined) await kill(running)
    }
    channel.close()
    await ended
  }
  let closing: Promise<void> | undefined
  return {
    stream: channel,
    stderr,
    ended,
    resize: ({ columns, rows }) => channel.setWindow(rows, columns, 0, 0),
    close: () => (closing ??= close()),
  }
}

/** Resolves when the channel is closed, with what was told of the command's end. */
export function ending(channel: ClientChannel): Promise<CommandEnd> {
  return new Promise((resolve) => {
    let exitCode: number | null = null
    let signal: string | null = null
    channel.on('exit', (code: number | null, name?: string) => {
      exitCode = code ?? null
      signal = name ?? null
    })
    channel.on('close', () => resolve({ exitCode, signal }))
    channel.on('error', () => undefined) // `close` follows; the missing exit status tells
  })
}
