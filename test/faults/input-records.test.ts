/** What dpbench itself wrote and reads again, damaged: run records, baselines, calibrations, series, tables, journals. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as fc from 'fast-check'
import { readCalibrations } from '../../src/series/calibrate/provenance.ts'
import { parseRounds, roundColumns } from '../../src/flow/tables.ts'
import type { CommandResult } from '../../src/core/command-result.ts'
import { thisProcess } from '../../src/core/live-process.ts'
import { acquireLease } from '../../src/environment/lease.ts'
import {
  describeHolder,
  leaseHypervisor,
  readHypervisorLease,
} from '../../src/environment/hypervisor-lease.ts'
import { type JournalEntry, openJournal } from '../../src/core/journal.ts'
import { UndoRegistry } from '../../src/core/undo.ts'
import { baselineOf, parseBaseline, serialiseBaseline } from '../../src/report/baseline.ts'
import { forms } from '../../src/report/forms.ts'
import { parseOutline, parseRecord } from '../../src/report/record.ts'
import { renderTerminal } from '../../src/report/terminal.ts'
import { historyOf, entryOf } from '../../src/report/history.ts'
import { assess } from '../../src/series/assess.ts'
import { readSeries } from '../../src/series/state.ts'
import { fullRecord } from '../report/fixtures.ts'
import { storedRecords } from '../report/stored.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { damaged, damagedJson } from './support/mutations.ts'
import { property, survives } from './support/property.ts'

const records = [fullRecord(), ...storedRecords().map(({ record }) => record)]

property(
  'a damaged run.json is refused in sentences, or every report is made of it',
  { counted: 'run records', quick: 60, whole: 2500 },
  async (tally) => {
    await forms.html.render(records[0]!) // loads what draws charts: that is not what is timed
    await tally.random(fc.constantFrom(...records).chain(damagedJson), async (json) => {
      await survives(async () => {
        const record = parseRecord(json, 'run.json')
        for (const { render } of Object.values(forms)) await render(record)
        renderTerminal(record, { color: true })
        assess(record)
        baselineOf(record, 'main')
      })
      await survives(() => historyOf([entryOf(parseOutline(json, 'run.json'))]))
    })
  },
)

property(
  'damaged baselines, calibrations, series and tables are refused in sentences',
  { counted: 'files', quick: 100, whole: 2000 },
  async (tally) => {
    const folder = scratchFolder()
    const baseline = baselineOf(fullRecord(), 'main').baseline!
    const calibration = {
      calibration_version: 1,
      thresholds: {
        '': {
          hw: {
            lb: {
              value: 1,
              bound: 1,
              room: 0,
              mean: 1,
              standardDeviation: 0,
              n: 3,
              test: 't',
              calibration: 'c',
            },
          },
        },
      },
      calibrations: {},
    }
    const series = {
      series_version: 1,
      kind: 'ab',
      createdAt: '2026-11-21T12:00:00Z',
      plan: { images: ['a', 'b'] },
      runArguments: ['--mode', 'offload'],
      attempts: [{ step: 'run-01', folder: 'run-01', startedAt: '2026-11-21T12:00:00Z' }],
    }
    const rounds = `${roundColumns}\n1,1,9410.00,9.410\n2,1,,\n`
    const write = (name: string, text: string): string => {
      const file = path.join(folder, name)
      writeFileSync(file, text)
      return file
    }
    const files = fc.oneof(
      damagedJson(JSON.parse(serialiseBaseline(baseline))).map(
        (text) => () => parseBaseline(text, 'main.json'),
      ),
      damagedJson(calibration).map((text) => () => readCalibrations(write('calibration.json', text))),
      damagedJson(series).map((text) => () => {
        write('series.json', text)
        return readSeries(folder, 'ab')
      }),
      damaged(rounds).map((text) => () => parseRounds(text, 'rounds.csv')),
    )
    await tally.random(files, survives)
  },
)

const host = { name: 'h', address: '10.0.0.1', port: 22, user: 'root', keyFile: '/k', sudo: false }
const stepOf = (number: number): Omit<JournalEntry, 'id' | 'time'> => ({
  runId: 'run-1',
  scope: 'run',
  ...(number % 3 > 0 && { host }),
  undo: { kind: 'remove', path: `/x/${number} "ü🦀`, nested: { list: [number] } },
  what: `thing ${number}`,
})

property(
  'a journal cut at any byte keeps each step that was begun, and takes the next one',
  { counted: 'cuts', quick: 150, whole: 4000 },
  async (tally) => {
    const file = path.join(scratchFolder(), 'journal.jsonl')
    const journal = await openJournal(file)
    const ids: string[] = []
    for (let number = 0; number < 8; number++) ids.push(await journal.record(stepOf(number)))
    for (const id of ids.slice(2, 4)) await journal.markUndone(id)
    const bytes = readFileSync(file)
    const written = new Set(bytes.toString().trimEnd().split('\n'))
    const step = Math.max(1, Math.floor(bytes.length / tally.wanted))
    for (let end = 0; end <= bytes.length; end += step) {
      await tally.try(`cut after byte ${end}`, async () => {
        const cut = bytes.subarray(0, end)
        writeFileSync(file, cut)
        const faults: string[] = []
        // a line is whole with its last brace: the newline after it says nothing more
        const whole = cut
          .toString()
          .split('\n')
          .filter((line) => written.has(line))
        const undone = whole.filter((line) => line.startsWith('{"undone"')).length
        const wanted = whole.length - 2 * undone
        const again = await openJournal(file)
        if (again.pending().length !== wanted) faults.push(`${again.pending().length} steps, not ${wanted}`)
        const id = await again.record(stepOf(99))
        const [last] = (await openJournal(file)).pending().slice(-1)
        if (last?.id !== id) faults.push('the next step was not kept')
        return faults
      })
    }
  },
)

property(
  'a damaged journal is read as far as it can be, and what cannot be undone is told',
  { counted: 'journals', quick: 80, whole: 2000 },
  async (tally) => {
    const folder = scratchFolder()
    const file = path.join(folder, 'journal.jsonl')
    const entry = { id: '1', time: '2026-11-21T12:00:00Z', ...stepOf(1) }
    const lines = fc
      .array(
        fc.oneof(
          damagedJson(entry).map((text) => text.replaceAll('\n', ' ')),
          fc.constant(JSON.stringify(entry)),
        ),
        {
          minLength: 1,
          maxLength: 4,
        },
      )
      .map((list) => list.join('\n'))
    const registry = new UndoRegistry<string>().register('remove', async (undo) => {
      if (typeof undo['path'] !== 'string') throw new TypeError('no path')
    })
    await tally.random(lines, async (text) => {
      writeFileSync(file, text)
      await survives(async () => {
        const journal = await openJournal(file)
        const pending = journal.pending()
        const { undone, left } = await registry.replay(journal, pending, async (at) => at?.name ?? 'here')
        if (undone.length + left.length !== pending.length) throw new TypeError('a step was lost')
        for (const { reason } of left) if (!reason) throw new TypeError('left without a word')
      })
    })
    mkdirSync(path.join(folder, 'a-folder'))
    await tally.try('a folder in its place', async () => {
      await survives(() => openJournal(path.join(folder, 'a-folder')))
      return []
    })
  },
)

property(
  'a damaged lease is nobody’s, or refuses in a sentence',
  { counted: 'leases', quick: 30, whole: 600 },
  async (tally) => {
    const folder = scratchFolder()
    const file = path.join(folder, 'lease.json')
    const holder = { ...(await thisProcess()), runId: '20261121-120000-aaaa', since: '2026-11-21T12:00:00Z' }
    await tally.random(fc.oneof(damagedJson(holder), fc.string()), async (text) => {
      writeFileSync(file, text)
      await survives(async () => {
        await using lease = await acquireLease(file, 'mine', { timeoutMs: 2000 })
        if (!readFileSync(lease.file, 'utf8').includes('"mine"')) throw new TypeError('another one is held')
      })
      rmSync(file, { force: true })
      if (readdirSync(folder).length > 0) throw new TypeError(`it leaves ${readdirSync(folder).join(', ')}`)
    })
    mkdirSync(file)
    await tally.try('a folder in its place', async () => {
      await survives(() => acquireLease(file, 'mine', { timeoutMs: 2000 }))
      return []
    })
  },
)

property(
  'what a hypervisor says of its lease, cut and altered: a holder in words',
  { counted: 'answers', quick: 60, whole: 1500 },
  async (tally) => {
    const holder = { what: 'run 20261121-aaaa', owner: 'a@b, process 1', since: '2026-11-21T12:00:00Z' }
    const result = {
      host: 'hypervisor-1',
      argv: [],
      exitCode: 0,
      signal: null,
      stderr: '',
      durationMs: 1,
      timedOut: false,
    }
    const answers = damagedJson(holder).chain((text) =>
      fc.constantFrom(`held ${text}`, text, `held ${text}\nheld {}`),
    )
    await tally.random(answers, async (stdout) => {
      const run = async (): Promise<CommandResult> => ({ ...result, stdout })
      await survives(async () => {
        const found = await readHypervisorLease({ run })
        if (found && !describeHolder(found)) throw new TypeError('nobody holds it')
      })
      const tryRun = async (): Promise<CommandResult> => ({ ...result, stdout, exitCode: 75 })
      await survives(() => leaseHypervisor({ name: 'hypervisor-1', tryRun }, { what: 'run mine' }))
    })
  },
)
