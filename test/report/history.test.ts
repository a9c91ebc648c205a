/** Figures over many runs: change points of data whose answer is known, stretches, table and page. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { history } from '../../bin/history.ts'
import { entryOf, historyOf } from '../../src/report/history.ts'
import { historyHtml } from '../../src/report/history-html.ts'
import { historyText } from '../../src/report/history-view.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { flow } from '../verdict/fixtures.ts'
import { runOn, slowFrom15 } from './history-fixtures.ts'

describe('the history of a figure', () => {
  test('has a stretch before and one after a change, with what differs between the runs', () => {
    const [figure, ...others] = historyOf(slowFrom15().reverse())
    expect(others).toEqual([])
    expect(figure).toMatchObject({ title: 'vm2vm › test 1 (offload)', unit: 'bit/s' })
    expect(figure!.points.map(({ runId }) => runId)).toEqual(
      Array.from({ length: 30 }, (_, day) => `run-${day + 1}`),
    )
    const [before, after, ...more] = figure!.stretches
    expect(more).toEqual([])
    expect(before).toMatchObject({ from: 0, runs: 15 })
    expect(after).toMatchObject({ from: 15, runs: 15, change: { kind: 'worse' } })
    expect(after!.change!.effect).toBeCloseTo(8.5 / 9.4 - 1, 2)
    expect(after!.change!.p).toBeLessThanOrEqual(0.01)
    expect(after!.change!.differences).toEqual(['image: dpservice:1 sha256:ab → dpservice:2 sha256:ab'])
  })

  test('without a change is one stretch; below 5 % a change is small; the same run counts once', () => {
    const steady = Array.from({ length: 20 }, (_, day) => entryOf(runOn(day + 1, 9.4)))
    expect(historyOf([...steady, ...steady])[0]!.stretches).toMatchObject([{ runs: 20 }])
    const little = Array.from({ length: 20 }, (_, day) => entryOf(runOn(day + 1, day < 10 ? 9.4 : 9.2)))
    expect(historyOf(little)[0]!.stretches[1]).toMatchObject({ from: 10, change: { kind: 'small' } })
  })

  test('reads as a table', () => {
    const text = historyText(historyOf(slowFrom15()), ['x/run.json is not JSON'], { everyRun: false })
    expect(text).toMatch(/ {2}2026-07-01 {2}15 {4}9\.\d\d Gbit\/s +run-1\n/)
    expect(text).toMatch(/ {2}2026-07-16 {2}15 {4}8\.\d\d Gbit\/s {2}-9\.\d % worse {2}0\.00\d +run-16\n/)
    expect(text).toContain('  at 2026-07-16: image: dpservice:1 sha256:ab → dpservice:2 sha256:ab')
    expect(text).toContain('left out:\n  x/run.json is not JSON')
    expect(text).toMatch(/1 figure; changes: 1 for the worse\n$/)
  })

  test('is one page that needs nothing else', () => {
    const page = historyHtml(historyOf(slowFrom15()), ['<script>alert(1)</script>'], 'results & more')
    expect(page).toMatch(
      /<svg role="img" aria-label="vm2vm › test 1 \(offload\): 30 runs from 2026-07-01 to 2026-07-30/,
    )
    expect(page).toContain('<title>dpbench history: results &amp; more</title>')
    expect(page).toContain('&lt;script&gt;')
    expect(page).not.toMatch(/<script|src=|href=|url\((?!#)/)
    expect(page).toContain('<td>-9.')
  })
})

describe('dpbench history', () => {
  test(
    '100 runs of 12 scenarios in under 5 s; broken records are named and left out',
    { timeout: 60_000 },
    async () => {
      const results = join(scratchFolder(), 'results')
      // As large as those of the default profile: per flow 37 intervals of each end.
      const intervals = Array.from(
        { length: 37 },
        (_, second) => [second, second + 1, 1.25e9 + second] as const,
      )
      const side = { ...flow('flow', 3e9).sender!, intervals }
      const flows = [1, 2, 3].map((index) => flow(`flow ${index}`, 3e9, { sender: side, receiver: side }))
      const [fast, slow] = [9.4, 8.5].map((gbit) => serialiseRecord(runOn(1, gbit, { tests: 12, flows })))
      for (let day = 1; day <= 100; day++) {
        const folder = join(results, `run-${String(day).padStart(3, '0')}`)
        await mkdir(folder, { recursive: true })
        const { runId, startedAt } = runOn(day, 9)
        const own = (day <= 60 ? fast! : slow!)
          .replace('"runId": "run-1"', `"runId": "${runId}"`)
          .replace('"startedAt": "2026-07-01T02:00:00.000Z"', `"startedAt": "${startedAt}"`)
        await writeFile(join(folder, 'run.json'), own)
      }
      for (const [name, text] of [
        ['broken', '{"schema_version": 1, "runId": 7'],
        ['older', '{"schema_version": 0}'],
      ]) {
        await mkdir(join(results, name!))
        await writeFile(join(results, name!, 'run.json'), text!)
      }
      const page = join(results, 'history.html')
      let stdout = ''
      vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
        stdout += String(text)
        return true
      })
      onTestFinished(() => void vi.restoreAllMocks())
      const before = process.cpuUsage()
      expect(await history([results, '--html', page])).toBe(0)
      const { user, system } = process.cpuUsage(before) // what else the machine does meanwhile does not count
      expect((user + system) / 1e6).toBeLessThan(5)
      expect(stdout).toContain('12 figures; changes: 12 for the worse')
      expect(stdout).toMatch(/2026-08-30 {2}40 .* -9\.\d % worse/)
      expect(stdout).toMatch(
        /left out:\n.*broken\/run\.json is not JSON\n.*older\/run\.json has schema version 0/,
      )
      const html = await readFile(page, 'utf8')
      expect(html.match(/<svg/g)).toHaveLength(12)
      const ids = html.match(/ id="[^"]+"/g)!
      expect(new Set(ids).size).toBe(ids.length)
      expect(html.length).toBeLessThan(2e6)
    },
  )

  test('says in one sentence what is wrong', async () => {
    const results = join(scratchFolder(), 'results')
    await expect(history([results])).rejects.toThrow(/results does not exist/)
    await mkdir(join(results, 'a'), { recursive: true })
    await expect(history([results])).rejects.toThrow(/results holds no run\.json/)
    await writeFile(join(results, 'a/run.json'), serialiseRecord(runOn(1, 9)))
    await expect(history([results, '--test', 'nothing'])).rejects.toThrow(
      /no figure whose title holds "nothing"/,
    )
    await expect(history([results, '--htm', 'x'])).rejects.toThrow(/did you mean --html\?/)
    await expect(history([results, results])).rejects.toThrow(/takes one folder/)
    await expect(history([results, '--html', join(results, 'no/where.html')])).rejects.toThrow(
      /--html .* cannot be written/,
    )
  })
})
