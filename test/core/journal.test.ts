import { appendFileSync, readFileSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { openJournal, type JournalHost } from '../../src/core/journal.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { UndoRegistry } from '../../src/core/undo.ts'

let file: string
beforeEach(() => {
  file = path.join(scratchFolder(), 'env', 'journal.jsonl')
})

const host = (name: string): JournalHost => ({
  name,
  address: name,
  port: 22,
  user: 'root',
  keyFile: '/key',
  sudo: false,
})
const step = (name: string, on = 'h1', scope: 'provision' | 'run' = 'provision') => ({
  runId: 'r',
  scope,
  host: host(on),
  undo: { kind: 'file', path: name },
  what: name,
})

describe('a journal', () => {
  test('knows after a crash what was recorded and not undone', async () => {
    const journal = await openJournal(file)
    const first = await journal.record(step('a'))
    await journal.record(step('b'))
    await journal.record(step('c', 'h1', 'run'))
    await journal.markUndone(first)
    const again = await openJournal(file)
    expect(again.pending().map((entry) => entry.what)).toEqual(['b', 'c'])
    expect(again.pending('run').map((entry) => entry.what)).toEqual(['c'])
  })

  test('bears a torn last line, which does not swallow the next', async () => {
    const journal = await openJournal(file)
    await journal.record(step('a'))
    await journal.record(step('b'))
    truncateSync(file, readFileSync(file).length - 9)
    const again = await openJournal(file)
    expect(again.tornLines).toBe(1)
    await again.record(step('c'))
    expect((await openJournal(file)).pending().map((entry) => entry.what)).toEqual(['a', 'c'])
  })

  test('bears lines that are something else', async () => {
    const journal = await openJournal(file)
    await journal.record(step('a'))
    appendFileSync(file, 'null\n{"id":1}\n')
    const again = await openJournal(file)
    expect(again.tornLines).toBe(2)
    expect(again.pending()).toHaveLength(1)
  })

  test('keeps the order of records made at once', async () => {
    const journal = await openJournal(file)
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => journal.record(step(name))))
    expect((await openJournal(file)).pending().map((entry) => entry.what)).toEqual(['a', 'b', 'c', 'd'])
  })
})

describe('replay', () => {
  test('goes newest first, on after a failing step, and says what is left', async () => {
    const journal = await openJournal(file)
    for (const name of ['a', 'b', 'c']) await journal.record(step(name))
    const seen: unknown[] = []
    const registry = new UndoRegistry<JournalHost | undefined>().register('file', async (undo) => {
      seen.push(undo.path)
      if (undo.path === 'b') throw new Error('busy')
    })
    const result = await registry.replay(journal, journal.pending(), async (on) => on)
    expect(seen).toEqual(['c', 'b', 'a'])
    expect(result.left).toMatchObject([{ entry: { what: 'b' }, reason: 'busy' }])
    expect((await openJournal(file)).pending().map((entry) => entry.what)).toEqual(['b'])
  })

  test('an unreachable host leaves its steps, and the other host is cleaned', async () => {
    const journal = await openJournal(file)
    await journal.record(step('a', 'h1'))
    await journal.record(step('b', 'h2'))
    const registry = new UndoRegistry<string>().register('file', async () => undefined)
    const result = await registry.replay(journal, journal.pending(), async (on) => {
      if (on?.name === 'h1') throw new Error('no route to host')
      return 'context'
    })
    expect(result.undone.map((entry) => entry.what)).toEqual(['b'])
    expect(result.left).toMatchObject([{ reason: 'no route to host' }])
  })

  test('an unknown kind of step is left', async () => {
    const journal = await openJournal(file)
    await journal.record(step('a'))
    const result = await new UndoRegistry<string>().replay(journal, journal.pending(), async () => '')
    expect(result.left[0]?.reason).toContain('does not know how to undo "file"')
  })
})
