/** Progress from a worker to the reporter: lines on the worker's console with a mark, taken out again by the plugin. */

const mark = '\u001edpbench '

import type { LiveEvent } from './live/state.ts'

export type Message =
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'repetition'; readonly test: string; readonly text: string }
  | { readonly type: 'live'; readonly event: LiveEvent }
  /** A test has stopped at a breakpoint, and goes on. */
  | { readonly type: 'stop'; readonly text: string }
  | { readonly type: 'goOn' }

/** In a worker: tells the main process. */
export function tell(message: Message): void {
  // oxlint-disable-next-line no-console -- Vitest carries the worker's console to the main process
  console.log(mark + JSON.stringify(message))
}

/** In the main process: the messages in what a worker wrote, and the rest, which is the test's own. */
export function takeMessages(log: string): { readonly messages: readonly Message[]; readonly rest: string } {
  const lines = log.split('\n')
  const marked = lines.filter((line) => line.startsWith(mark))
  return {
    messages: marked.map((line) => JSON.parse(line.slice(mark.length)) as Message),
    rest: lines.filter((line) => !line.startsWith(mark)).join('\n'),
  }
}
