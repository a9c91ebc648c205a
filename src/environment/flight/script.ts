/**
 * One command that runs several probes and tells what each said, how it ended and whether there was more. It writes no file, and
 * what was said before a probe that hangs, or before the connection breaks, is had.
 */
import type { FlightPiece } from '../../core/flight.ts'
import { cleanedAroundBytes } from '../../core/flight.ts'
import { shell } from '../../core/shell-quote.ts'
import type { Probe } from './probes.ts'

/** In no output of a tool: begins a line that says what follows. */
const mark = '\u0001dpbench-flight '

/** A probe that takes longer is ended, and what it said until then is kept. */
const probeSeconds = 5

/** `$1` which, `$2` bytes, `$3` head or tail, `$4` command. The status goes past the part that cuts, on 3; 4 is the output. */
const script = `export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
limited= ; command -v timeout > /dev/null && limited="timeout -k 1 $1"
shift
exec 4>&1
while [ $# -ge 4 ]; do
  printf '\\n${mark}begin %s\\n' "$1"
  status=$( { { $limited sh -c "$4" 2>&1 < /dev/null 4>&-; echo "$?" >&3; } | { "$3" -c "$2" >&4; cat > /dev/null; }; } 3>&1 )
  printf '\\n${mark}end %s %s\\n' "$1" "$status"
  shift 4
done`

/** What is to be had for a piece of at most so many bytes: around it, what cleaning may need, and one more that says that it was cut. */
export const fetchedBytes = (mostBytes: number): number => mostBytes + cleanedAroundBytes + 1

/** @param seconds after which a probe is ended */
export function probeCommand(probes: readonly Probe[], seconds = probeSeconds): string[] {
  return shell(
    script,
    String(seconds),
    ...probes.flatMap(({ keep, mostBytes, command }, index) => [
      String(index),
      String(fetchedBytes(mostBytes)),
      keep === 'end' ? 'tail' : 'head',
      command,
    ]),
  )
}

/** The pieces that an output has, whole or up to where it breaks off, and the rest with `why` it is missing. */
export function parsePieces(
  machine: string,
  probes: readonly Probe[],
  stdout: string,
  why: string,
): FlightPiece[] {
  const said = new Map<number, { text: string; status?: number }>()
  for (const part of stdout.split(`\n${mark}`).slice(1)) {
    const [head = '', ...lines] = part.split('\n')
    const [word, index, status] = head.split(' ')
    if (word === 'begin') said.set(Number(index), { text: lines.join('\n') })
    else if (word === 'end' && status) said.get(Number(index))!.status = Number(status)
  }
  return probes.map((probe, index) => {
    const { name, command, keep, mostBytes } = probe
    const piece = { machine, name, command, keep, mostBytes }
    const found = said.get(index)
    if (!found) return { ...piece, missing: why }
    const { text, status } = found
    const missing =
      status === undefined
        ? why
        : status === 124 || status === 137
          ? 'it had not ended in its time'
          : undefined
    return {
      ...piece,
      text,
      cut: Buffer.byteLength(text) >= fetchedBytes(mostBytes),
      ...(status !== undefined && { exitStatus: status }),
      ...(missing !== undefined && { missing }),
    }
  })
}
