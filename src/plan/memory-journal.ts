/** The journal of a plan: it begins with what is pending in the environment's own, writes nothing, and tells what is recorded. */
import { randomUUID } from 'node:crypto'
import type { Journal, JournalEntry } from '../core/journal.ts'

export class MemoryJournal implements Journal {
  readonly file: string
  readonly tornLines = 0
  private readonly entries: Map<string, JournalEntry>
  private readonly onRecord: (entry: JournalEntry) => void

  constructor(own: Journal, onRecord: (entry: JournalEntry) => void) {
    this.file = own.file
    this.onRecord = onRecord
    // what lies on the controller would be taken back here and now
    const onHosts = own.pending('run').filter(({ host }) => host !== undefined)
    this.entries = new Map(onHosts.map((entry) => [entry.id, entry]))
  }

  async record(entry: Omit<JournalEntry, 'id' | 'time'>): Promise<string> {
    const full = { id: randomUUID(), time: new Date().toISOString(), ...entry }
    this.entries.set(full.id, full)
    this.onRecord(full)
    return full.id
  }

  pending(scope?: JournalEntry['scope']): readonly JournalEntry[] {
    return [...this.entries.values()].filter((entry) => scope === undefined || entry.scope === scope)
  }

  async markUndone(id: string): Promise<void> {
    this.entries.delete(id)
  }
}
