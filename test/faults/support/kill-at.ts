/**
 * Loaded before the program (`NODE_OPTIONS=--import`), in each of its processes: ends its whole process group by SIGKILL at
 * one of its steps. A step is what lies between two lines that are appended to a journal, or, for what keeps no journal, a
 * program that it starts: killing before and after each of them is killing before and after each step.
 *
 * `DPBENCH_TEST_KILL_AT` is `<number>:before` or `<number>:after`, or `count`; `DPBENCH_TEST_KILL_STEPS` is `lines` or `programs`;
 * `DPBENCH_TEST_KILL_COUNTER` is a file that gets one byte for each step, of whichever process.
 */
import childProcess from 'node:child_process'
import { appendFileSync, statSync } from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const [at, side] = (process.env['DPBENCH_TEST_KILL_AT'] ?? '').split(':')
const counter = process.env['DPBENCH_TEST_KILL_COUNTER']
const steps = process.env['DPBENCH_TEST_KILL_STEPS']

/** Whether this step is the one, and to be killed after it; before it there is nobody left to answer. */
function isLast(file: string): boolean {
  appendFileSync(file, '.')
  if (String(statSync(file).size) !== at) return false
  if (side === 'before') endAll()
  return true
}

function endAll(): void {
  process.kill(0, 'SIGKILL')
}

function watchLines(file: string): void {
  const open = promises.open
  promises.open = async (path, flags, mode) => {
    const handle = await open(path, flags, mode)
    const isJournal = flags === 'a' && typeof path === 'string' && path.endsWith('/journal.jsonl')
    if (!isJournal || !isLast(file)) return handle
    const sync = handle.sync.bind(handle)
    handle.sync = async () => {
      await sync()
      endAll()
    }
    return handle
  }
}

function watchPrograms(file: string): void {
  const spawn = childProcess.spawn
  const watched = (...given: Parameters<typeof spawn>): childProcess.ChildProcess => {
    const last = isLast(file)
    const child = spawn(...given)
    // a daemon goes on: then it is its start that was the step
    if (last) child.once(given[2]?.detached ? 'spawn' : 'exit', endAll)
    return child
  }
  childProcess.spawn = watched as typeof spawn
}

if (counter !== undefined) {
  if (steps === 'programs') watchPrograms(counter)
  else watchLines(counter)
  syncBuiltinESMExports()
}
