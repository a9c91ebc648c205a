/** For how long a plan waits: its machines answer at once, so what is not there soon is waited for in vain. */
import { DpbenchError } from '../core/errors.ts'

export interface Patience extends Disposable {
  /** Aborted, with a sentence, when it is over. */
  readonly signal: AbortSignal
}

export function patience(seconds: number): Patience {
  const controller = new AbortController()
  const reason = new DpbenchError(
    `it waits for something that the machines of a plan do not answer, longer than ${seconds} s; a run may go on`,
  )
  const timer = setTimeout(() => controller.abort(reason), seconds * 1000)
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) }
}
