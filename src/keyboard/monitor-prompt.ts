/** `dpbench mon`: a prompt of QEMU's monitor. A line is HMP, or QMP when it is a JSON object. */
import { createInterface } from 'node:readline'
import { DpbenchError, ExitCode, describeError } from '../core/errors.ts'
import { type Guest } from '../machine/on-domain.ts'
import { monitorCommand, parseMonitorLine } from '../machine/monitor.ts'
import { type Streams, isTerminal } from './attach.ts'

/** Returns 0, or without a terminal the code of the first line that failed. */
export async function monitorPrompt(
  guest: Guest,
  options: Streams & { readonly signal: AbortSignal },
): Promise<number> {
  const { stdin, stdout, stderr, signal } = options
  const person = isTerminal(options)
  await monitorCommand(guest, 'info status') // what can't be asked is said before the prompt
  if (person)
    stderr.write(`QEMU's monitor of ${guest.name}: \`help\`, or QMP as {"execute": "…"}. Ctrl-D leaves it.\n`)
  const prompt = person ? `${guest.name} (qemu) ` : ''
  const terminal = createInterface({
    input: stdin,
    ...(person && { output: stdout }),
    terminal: person,
    prompt,
  })
  const stop = (): void => terminal.close()
  signal.addEventListener('abort', stop, { once: true })
  terminal.on('SIGINT', stop)
  let failed: number = ExitCode.passed
  let open = true // input that has ended closes it, with lines that are still to be read
  terminal.once('close', () => (open = false))
  try {
    terminal.prompt()
    for await (const line of terminal) {
      if (['quit', 'q', 'exit'].includes(line.trim())) break // `quit` itself would take the VM's power
      if (line.trim() !== '') {
        const code = await answer(guest, line, options)
        if (failed === ExitCode.passed) failed = code
      }
      if (open) terminal.prompt()
    }
  } finally {
    signal.removeEventListener('abort', stop)
    terminal.close()
  }
  signal.throwIfAborted()
  if (person) stdout.write('\n')
  return person ? ExitCode.passed : failed
}

/** One command, its answer printed; returns the exit code. */
export async function answer(guest: Guest, line: string, { stdout, stderr }: Streams): Promise<number> {
  try {
    const said = await monitorCommand(guest, parseMonitorLine(line))
    const text = typeof said === 'string' ? said : JSON.stringify(said, undefined, 2)
    if (text !== '') stdout.write(`${text}\n`)
    return ExitCode.passed
  } catch (error) {
    stderr.write(`${describeError(error)}\n`)
    return error instanceof DpbenchError ? error.exitCode : ExitCode.infrastructure
  }
}
