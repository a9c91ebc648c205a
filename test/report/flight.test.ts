/** What is written of a failure: a file per piece, bounded, without secrets, with an index. */
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Flight, type FlightPiece, cleanedAroundBytes } from '../../src/core/flight.ts'
import { listFlights, mostFlights, writeFlight } from '../../src/report/flight.ts'
import type { FlightIndex } from '../../src/report/flight-schema.ts'
import { stepLog } from '../../src/report/step-log.ts'
import { scratchFolder } from '../scratch-folder.ts'

const secret = 'sesame-open-wide'

const piece = (part: Partial<FlightPiece>): FlightPiece => ({
  machine: 'hypervisor-1',
  name: 'routes',
  command: 'ip route show table all',
  keep: 'beginning',
  mostBytes: 1000,
  text: 'default via 10.0.0.1\n',
  exitStatus: 0,
  ...part,
})

const flight = (pieces: readonly FlightPiece[], reason = 'it broke'): Flight => ({
  occasion: 'the test failed',
  test: { suite: 'vm2vm', name: 'IPv4 between hypervisors' },
  mode: 'offload',
  reason,
  startedAt: '2026-11-21T12:00:00.000Z',
  durationMs: 812.4,
  limitMs: 15_000,
  pieces,
})

async function written(results: string, what: Flight, artifacts: readonly string[] = []) {
  const folder = join(results, (await writeFlight(results, what, { secrets: [secret], artifacts }))!)
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as FlightIndex
  const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8')
  const sources = index.sources.filter(({ machine }) => machine !== 'controller')
  return { folder, index, sources, read }
}

test('one folder has every piece, by machine, with what was asked, how it ended and what is missing', async () => {
  const results = scratchFolder()
  const { folder, sources, read } = await written(
    results,
    flight([
      piece({}),
      piece({
        machine: 'vm1',
        name: 'sockets',
        text: undefined,
        exitStatus: undefined,
        missing: 'no connection',
      }),
      piece({ machine: 'vm1', name: 'routes', exitStatus: 2 }),
      piece({ machine: 'vm1', name: 'routes' }),
    ]),
  )
  expect(folder).toBe(join(results, 'flight/vm2vm/ipv4-between-hypervisors-offload'))
  expect(await read('hypervisor-1/routes.txt')).toBe('default via 10.0.0.1\n')
  expect(await readdir(join(folder, 'vm1'))).toEqual(['routes-2.txt', 'routes.txt'])
  expect(sources.slice(0, 3)).toEqual([
    {
      machine: 'hypervisor-1',
      name: 'routes',
      command: 'ip route show table all',
      file: 'hypervisor-1/routes.txt',
      exitStatus: 0,
      bytes: 21,
      cut: false,
    },
    {
      machine: 'vm1',
      name: 'sockets',
      command: 'ip route show table all',
      bytes: 0,
      cut: false,
      missing: 'no connection',
    },
    {
      machine: 'vm1',
      name: 'routes',
      command: 'ip route show table all',
      file: 'vm1/routes.txt',
      exitStatus: 2,
      bytes: 21,
      cut: false,
    },
  ])
  expect(await read('index.md')).toContain(
    '| vm1 | sockets | `ip route show table all` |  | 0 | missing: no connection |',
  )
  const modes = await Promise.all(
    [folder, join(folder, 'vm1/routes.txt')].map(async (path) => (await stat(path)).mode & 0o777),
  )
  expect(modes[1]).toBe(0o600)
  expect(await listFlights(results)).toMatchObject([
    { folder: 'flight/vm2vm/ipv4-between-hypervisors-offload', pieces: 5, missing: 2, durationMs: 812 },
  ])
})

test('a long text is cut where it was asked for, and the index says so; a whole one is not', async () => {
  const long = `begin ${'x'.repeat(2000)} end`
  const { sources, read } = await written(
    scratchFolder(),
    flight([
      piece({ name: 'head', text: long }),
      piece({ name: 'tail', text: long, keep: 'end' }),
      piece({ name: 'exact', text: 'y'.repeat(1000) }),
    ]),
  )
  expect(sources.map(({ cut }) => cut)).toEqual([true, true, false])
  expect(await read('hypervisor-1/head.txt')).toMatch(
    /^begin x+\n\[dpbench keeps 1000 bytes of this, the beginning\]\n$/,
  )
  expect(await read('hypervisor-1/tail.txt')).toMatch(
    /^\[dpbench keeps 1000 bytes of this, the end\]\nx+ end$/,
  )
  for (const source of sources.slice(0, 2)) expect(source.bytes).toBeLessThan(1100)
})

test('no secret is in it: not in texts, commands, reasons or the timeline, nor halved by the cut', async () => {
  const results = scratchFolder()
  const log = stepLog(results, 'offload', expect.fail)
  const step = { machine: 'vm1', kind: 'command', name: 'ls', startedAt: '2026-11-21T12:00:00.000Z' } as const
  log({
    id: 0,
    step: { ...step, test: { suite: 'vm2vm', name: 'IPv4 between hypervisors' } },
    end: { outcome: 'ok', durationMs: 1 },
  })
  log({
    id: 1,
    step: { ...step, name: 'of another test', test: { suite: 'vm2vm', name: 'other' } },
    end: { outcome: 'ok', durationMs: 1 },
  })
  // the cut at 1000 bytes goes through the middle of the secret
  const halved = `${'x'.repeat(992)}${secret}${'x'.repeat(cleanedAroundBytes - 24)}`
  const { folder, read } = await written(
    results,
    flight(
      [
        piece({ text: `API_TOKEN=abcdefgh and ${secret}`, command: `curl --token=${secret}` }),
        piece({ name: 'halved', text: halved }),
        piece({ name: 'gone', text: undefined, missing: `password: ${secret}` }),
      ],
      `login failed: ${secret}`,
    ),
  )
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.includes('.'))
  const all = (await Promise.all(files.map(read))).join('\n')
  for (const leaked of [secret, secret.slice(0, 8), 'abcdefgh']) expect(all).not.toContain(leaked)
  expect(await read('controller/timeline.jsonl')).toContain('"name":"ls"')
  expect(await read('controller/timeline.jsonl')).not.toContain('of another test')
})

test('the raw outputs of both ends are in it', async () => {
  const results = scratchFolder()
  await mkdir(join(results, 'vm2vm/t'), { recursive: true })
  await writeFile(join(results, 'vm2vm/t/flow-1-client.json'), '{"a":1}')
  const { read, index } = await written(results, flight([]), [
    'vm2vm/t/flow-1-client.json',
    'vm2vm/t/lost.json',
  ])
  expect(await read('tools/flow-1-client.json')).toBe('{"a":1}')
  expect(index.sources.find(({ name }) => name === 'lost.json')?.missing).toContain('ENOENT')
})

test('the whole is bounded: of one recording, and how many there are of a run', async () => {
  const results = scratchFolder()
  const large = Array.from({ length: 40 }, (_, at) =>
    piece({ name: `log-${at}`, text: 'z'.repeat(2 ** 20), mostBytes: 2 ** 20 }),
  )
  const { index } = await written(results, flight(large))
  expect(index.bytes).toBeLessThanOrEqual(33 * 2 ** 20)
  expect(index.sources.at(-1)!.missing).toMatch(/has \d+ bytes already/)
  for (let count = 1; count < mostFlights; count++)
    expect(await writeFlight(results, flight([]), { secrets: [] })).toBeDefined()
  expect(await writeFlight(results, flight([]), { secrets: [] })).toBeUndefined()
  expect(await listFlights(results)).toHaveLength(mostFlights)
})
