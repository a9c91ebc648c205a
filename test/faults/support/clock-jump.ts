/**
 * Loaded into a run's processes (`node --import`): the wall clock jumps by what the file of DPBENCH_TEST_CLOCK says, in ms, from the
 * moment it is there. The machine's own clock is everybody's, and stays. Monotonic time goes on, as on a machine whose clock is set.
 */
import { readFileSync } from 'node:fs'

const file = process.env['DPBENCH_TEST_CLOCK']!
const Clock = Date

function offset(): number {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return 0 // it has not jumped yet
  }
}

globalThis.Date = new Proxy(Clock, {
  construct: (target, values, newTarget) =>
    Reflect.construct(target, values.length === 0 ? [target.now() + offset()] : values, newTarget) as Date,
  get: (target, name, receiver) =>
    name === 'now' ? () => target.now() + offset() : (Reflect.get(target, name, receiver) as unknown),
})
