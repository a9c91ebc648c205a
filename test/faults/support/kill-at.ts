/**
 * Loaded before the program (`NODE_OPTIONS=--import`), in each of its processes: ends the whole process group by SIGKILL at
 * one step of a journal. A step is what lies between two lines that are appended, so killing before and after each line
 * is killing before and after each step.
 *
 * `DPBENCH_TEST_KILL_AT` is `<number>:before` or `<number>:after`, or `count`; `DPBENCH_TEST_KILL_COUNTER` is a file that gets one
 * byte for each line, of whichever process.
 */
import { appendFileSync, statSync } from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const [at, side] = (process.env['DPBENCH_TEST_KILL_AT'] ?? '').split(':')
const counter = process.env['DPBENCH_TEST_KILL_COUNTER']

const isJournal = (path: unknown, flags: unknown): boolean =>
  flags === 'a' && typeof path === 'string' && path.endsWith('/journal.jsonl')

function endAll(): void {
  process.kill(0, 'SIGKILL')
}

if (counter !== undefined) {
  const open = promises.open
  promises.open = async (path, flags, mode) => {
    const handle = await open(path, flags, mode)
    if (!isJournal(path, flags)) return handle
    appendFileSync(counter, '.')
    const number = statSync(counter).size
    if (String(number) !== at) return handle
    if (side === 'before') endAll()
    const sync = handle.sync.bind(handle)
    handle.sync = async () => {
      await sync()
      endAll()
    }
    return handle
  }
  syncBuiltinESMExports()
}
