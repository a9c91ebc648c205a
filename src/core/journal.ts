/**
 * The journal of what dpbench created: one JSON object per line, appended and synced to disk before the step is done,
 * so that clean-up knows of everything even after SIGKILL, and without the config.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import path from 'node:path'
import { writing } from './disk-fault.ts'
import { DpbenchError } from './errors.ts'
import { parseJson } from './json.ts'

/** Enough to reach the host again when the config has been edited or deleted since. */
export interface JournalHost {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly user: string
  readonly keyFile: string
  readonly hostKey?: string
  readonly sudo: boolean
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** How to take a step back. `kind` chooses the function that does it, the rest is its data. */
export interface Undo {
  readonly kind: string
  readonly [key: string]: JsonValue
}

export type JournalScope = 'provision' | 'run' | 'doctor'

export interface JournalEntry {
  readonly id: string
  /** ISO 8601. */
  readonly time: string
  readonly runId: string
  readonly scope: JournalScope
  /** Left out for a step on the controller itself. */
  readonly host?: JournalHost
  readonly undo: Undo
  /** For people: `domain vm1 on hypervisor-1`. */
  readonly what: string
}

export interface Journal {
  readonly file: string
  /** Lines that cannot be read: a write cut short by a crash, before its step was begun. */
  readonly tornLines: number
  /** Writes the entry down, synced; only then may the step be done. Returns the entry's id. */
  record(entry: Omit<JournalEntry, 'id' | 'time'>): Promise<string>
  /** What has been recorded and not undone, oldest first. */
  pending(scope?: JournalScope): readonly JournalEntry[]
  markUndone(id: string): Promise<void>
}

/** Opens the journal at `file`, which need not be there yet. @throws DpbenchError when the file cannot be read. */
export async function openJournal(file: string): Promise<Journal> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw new DpbenchError(
      `the journal ${file}, which says what is to be taken back, cannot be read: ${error.message}; make it readable`,
      { cause: error },
    )
  })
  const entries = new Map<string, JournalEntry>()
  let tornLines = 0
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const read = readLine(line)
    if (read === undefined) tornLines += 1
    else if ('undone' in read) entries.delete(read.undone)
    else entries.set(read.id, read)
  }
  // a torn last line must not swallow the next one
  let separator = text === '' || text.endsWith('\n') ? '' : '\n'
  let queue: Promise<void> = Promise.resolve()
  const append = (line: object): Promise<void> => {
    const previous = queue
    const write = (async () => {
      await previous
      await writing(file, () => appendSynced(file, `${separator}${JSON.stringify(line)}\n`))
      separator = ''
    })()
    queue = write.catch(() => undefined) // the writer of this line is told; the next line is another matter
    return write
  }
  return {
    file,
    tornLines,
    async record(entry) {
      const full: JournalEntry = { id: randomUUID(), time: new Date().toISOString(), ...entry }
      await append(full)
      entries.set(full.id, full)
      return full.id
    },
    pending: (scope) => [...entries.values()].filter((entry) => scope === undefined || entry.scope === scope),
    async markUndone(id) {
      if (!entries.has(id)) return
      await append({ undone: id })
      entries.delete(id)
    },
  }
}

function readLine(line: string): JournalEntry | { readonly undone: string } | undefined {
  try {
    const value = parseJson(line) as Partial<JournalEntry> & { undone?: unknown }
    if (typeof value.undone === 'string') return { undone: value.undone }
    const { id, scope, undo, what, host } = value
    const texts = [
      id,
      scope,
      undo?.kind,
      what,
      ...(host === undefined ? [] : [host.name, host.address, host.user]),
    ]
    return texts.every((text) => typeof text === 'string') ? (value as JournalEntry) : undefined
  } catch {
    return undefined // counted by the caller
  }
}

async function appendSynced(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const handle = await open(file, 'a', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  // the folder too, or a new file may be gone after a power cut
  const folder = await open(path.dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
