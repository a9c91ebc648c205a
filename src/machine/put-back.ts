/**
 * What a test changed on a machine and has to be put back when the test ends, newest first; and the record of it that is
 * written before the change, so that the next run can put it back when this one was killed.
 */
import { DisposalStack } from '../core/disposal-stack.ts'
import type { Undo } from '../core/journal.ts'

/** Writes the undo of a change down; `done` takes it out again. */
export type RecordChange = (what: string, undo: Undo) => Promise<{ done(): Promise<void> }>

export class PutBacks {
  private entries: { readonly key: string; readonly undo: () => unknown }[] = []

  /** A change under a name of its own: what is known already stays as it is. */
  add(key: string, undo: () => unknown): void {
    if (!this.has(key)) this.entries.push({ key, undo })
  }

  has(key: string): boolean {
    return this.entries.some((entry) => entry.key === key)
  }

  /** It has been put back, or need not be. */
  drop(key: string): void {
    this.entries = this.entries.filter((entry) => entry.key !== key)
  }

  /** Puts everything back, on after a failure. @throws the failure; AggregateError of several */
  async run(): Promise<void> {
    const stack = new DisposalStack()
    for (const { undo } of this.entries) stack.defer(undo)
    this.entries = []
    await stack[Symbol.asyncDispose]()
  }
}
