/** QEMU's monitor, through libvirt: commands of both its languages, and the events that it tells. */
import { z } from 'zod'
import { MachineError, UsageError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { toolJson } from '../core/tool-output.ts'
import { type Guest, onDomain } from './on-domain.ts'
import { requireDomain } from './own-domain.ts'

/** A command of QMP, QEMU's machine protocol. */
export interface QmpCommand {
  /** `query-status` */
  readonly execute: string
  readonly arguments?: Readonly<Record<string, unknown>>
}

export interface MonitorOptions {
  /** Default 30 s. */
  readonly timeoutMs?: number
}

const purpose = 'it has no QEMU monitor'

/**
 * Runs a line of QEMU's human monitor (HMP) and returns what it prints, or a QMP command and returns its `return`.
 * @throws MachineError when QEMU refuses it, when the VM is off, or has no domain; UsageError for an empty one
 */
export async function monitorCommand(
  guest: Guest,
  command: string | QmpCommand,
  options: MonitorOptions = {},
): Promise<unknown> {
  if (typeof command === 'string' ? command.trim() === '' : !command.execute)
    throw new UsageError(`${guest.name}.monitorCommand() was given no command: 'info status' is one`)
  await requireDomain(guest, purpose)
  const args = ['qemu-monitor-command', '--domain', guest.name]
  if (typeof command === 'string') {
    const said = await onDomain(guest, [...args, '--hmp', '--', command], options)
    return hmpAnswer(guest.name, command, said)
  }
  return qmpAnswer(
    guest.name,
    command,
    await onDomain(guest, [...args, '--', JSON.stringify(command)], options),
  )
}

/** HMP has no exit status: what it does not know it says in one way (monitor/hmp.c). @throws MachineError */
export function hmpAnswer(machine: string, command: string, said: string): string {
  const text = said.replaceAll('\r', '').trimEnd()
  const refused = /^(unknown command: .*|Error: .*|.*(?=\nTry "help ))/m.exec(text)
  if (refused) throw new MachineError(`${machine}: QEMU's monitor refuses "${command}": ${refused[1]}`)
  return text
}

const answerSchema = z.looseObject({
  return: z.unknown().optional(),
  error: z.looseObject({ class: z.string().optional(), desc: z.string().optional() }).optional(),
})

/** @throws MachineError with QEMU's own description of the error */
export function qmpAnswer(machine: string, command: QmpCommand, said: string): unknown {
  const answer = toolJson(answerSchema, said, `${machine}: QMP ${command.execute}`)
  if (!answer.error) return answer.return
  const { class: kind, desc } = answer.error
  throw new MachineError(
    `${machine}: QMP ${command.execute} was refused: ${desc ?? 'without a reason'} (${kind})`,
  )
}

/** An interactive command line is QMP when it is an object, HMP otherwise. @throws UsageError for JSON that is no command */
export function parseMonitorLine(line: string): string | QmpCommand {
  if (!line.trimStart().startsWith('{')) return line.trim()
  try {
    const command = parseJson(line) as QmpCommand
    if (typeof command.execute === 'string') return command
  } catch (error) {
    throw new UsageError(
      `not JSON: ${(error as Error).message}; a QMP command is {"execute": "query-status"}`,
      {
        cause: error,
      },
    )
  }
  throw new UsageError('a QMP command has a name in "execute": {"execute": "query-status"}')
}
