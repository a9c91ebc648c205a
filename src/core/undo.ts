/** Takes back what a journal says was created: newest first, on after a failing step, with a list of what is left. */
import { describeError } from './errors.ts'
import type { Journal, JournalEntry, JournalHost, Undo } from './journal.ts'

/**
 * Takes one step back. It must be idempotent, remove only what carries our label, and throw when the thing is still there.
 * A returned sentence says why nothing was to be done, for people.
 */
export type UndoFunction<Context> = (
  undo: Undo,
  context: Context,
  entry: JournalEntry,
) => Promise<string | void>

export interface Leftover {
  readonly entry: JournalEntry
  readonly reason: string
}

export interface ReplayResult {
  readonly undone: readonly JournalEntry[]
  /** What undo functions had to say. */
  readonly notes: readonly string[]
  readonly left: readonly Leftover[]
}

/** The undo functions, by the kind of step. `Context` is what they work with: a connected host. */
export class UndoRegistry<Context> {
  readonly #functions = new Map<string, UndoFunction<Context>>()

  register(kind: string, undo: UndoFunction<Context>): this {
    if (this.#functions.has(kind)) throw new TypeError(`undo kind ${kind} is registered twice`)
    this.#functions.set(kind, undo)
    return this
  }

  /**
   * Undoes `entries` and marks them in the journal: newest first on each host, hosts side by side.
   * @param contextFor connects to a host (`undefined`: the controller); it is asked once per host.
   */
  async replay(
    journal: Journal,
    entries: readonly JournalEntry[],
    contextFor: (host: JournalHost | undefined) => Promise<Context>,
    onUndone?: (entry: JournalEntry) => void,
  ): Promise<ReplayResult> {
    const undone: JournalEntry[] = []
    const notes: string[] = []
    const left: Leftover[] = []
    const replayHost = async (ofHost: readonly JournalEntry[]): Promise<void> => {
      let context: Context
      try {
        context = await contextFor(ofHost[0]?.host)
      } catch (error) {
        left.push(...ofHost.map((entry) => ({ entry, reason: describeError(error) })))
        return
      }
      for (const entry of ofHost.toReversed()) {
        try {
          const run = this.#functions.get(entry.undo.kind)
          if (!run) throw new Error(`this version of dpbench does not know how to undo "${entry.undo.kind}"`)
          const note = await run(entry.undo, context, entry)
          if (typeof note === 'string') notes.push(note)
          await journal.markUndone(entry.id)
          undone.push(entry)
          onUndone?.(entry)
        } catch (error) {
          left.push({ entry, reason: describeError(error) })
        }
      }
    }
    const byHost = Map.groupBy(entries, ({ host }) =>
      host ? `${host.user}@${host.address}:${host.port} ${host.hostKey}` : '',
    )
    await Promise.all([...byHost.values()].map((ofHost) => replayHost(ofHost)))
    return { undone, notes, left }
  }
}

/** What is left, a sentence per reason that keeps it: a host out of reach is told once. */
export function leftSentences(left: readonly Leftover[]): string[] {
  const byReason = Map.groupBy(left, ({ reason }) => reason)
  return [...byReason].map(
    ([reason, things]) => `${things.map(({ entry }) => entry.what).join(', ')}: ${reason}`,
  )
}
