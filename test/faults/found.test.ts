/** What the bench found once, each as it was mended: these fail without that, whatever the seed. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { main } from '../../bin/main.ts'
import { inspectImage } from '../../provision/disk-image.ts'
import { loadTemplate } from '../../provision/templates.ts'
import { loadConfig } from '../../src/config/load.ts'
import { workingConfigFile } from '../../src/config/working-config.ts'
import { ConfigError, DpbenchError, MachineError, UsageError, describeError } from '../../src/core/errors.ts'
import { openJournal } from '../../src/core/journal.ts'
import { deepestJson, isTooDeep, parseJson } from '../../src/core/json.ts'
import { suggest } from '../../src/core/suggest.ts'
import { toolJson } from '../../src/core/tool-output.ts'
import { monitorReader } from '../../src/guest-run/launch/monitor-events.ts'
import { readKtestVariables } from '../../src/guest-run/ktest-variables.ts'
import { parseReplies } from '../../src/dataplane/dpservice/telemetry-script.ts'
import { parseRecord } from '../../src/report/record.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import { parseFrames } from '../../src/traffic/frames.ts'
import { parsePing } from '../../src/traffic/ping.ts'
import { parseProbeLine } from '../../src/traffic/probe-stream.ts'
import { ImageArchive } from '../../src/transport/docker/image-archive.ts'
import { parseDomain } from '../../src/transport/libvirt/documents.ts'
import { readSettings } from '../../src/vitest/settings.ts'
import { dpserviceConfig, site } from '../config/dpservice-file.ts'
import { fullRecord } from '../report/fixtures.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { printed } from './support/outputs.ts'
import { withRows, type Row } from './support/table.ts'

const lists = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe('JSON', () => {
  test('nested without end is refused before anything walks over it', async () => {
    expect(isTooDeep(JSON.parse(lists(deepestJson)))).toBe(false)
    expect(isTooDeep(JSON.parse(lists(deepestJson + 1)))).toBe(true)
    expect(isTooDeep({ a: `${lists(500)}"\\[` })).toBe(false)
    expect(() => parseJson(lists(20_000))).toThrow(SyntaxError)
    const { cwd, env, write } = site()
    write(`{ "key_file": ${lists(20_000)} }`)
    await expect(loadConfig({ cwd, env })).rejects.toThrow(/nested more than 200 deep/)
  })

  test('of a tool that is none, or of another form, is said with who printed it', () => {
    const schema = z.array(z.object({ dev: z.string() }))
    expect(toolJson(schema, '[{"dev":"eth0"}]', 'x')).toEqual([{ dev: 'eth0' }])
    expect(() => toolJson(schema, 'RTNETLINK answers: no', 'vm1: ip -json')).toThrow(
      new MachineError('vm1: ip -json printed what is no JSON: RTNETLINK answers: no'),
    )
    expect(() => toolJson(schema, '[{"dev":1}]', 'vm1: ip -json')).toThrow(/another form \(0: dev: /)
    expect(() => parseReplies('{"a":1} 5')).toThrow(DpbenchError)
  })

  test('an error of a schema is told in a few words, not as the document that its message is', () => {
    const { error } = z.array(z.string()).safeParse([1, 2, 3, 4, 5])
    expect(describeError(new DpbenchError('no', { cause: error }))).toMatch(
      /^no\n {2}because: 0: .*; and 2 more$/,
    )
  })

  test('of QEMU that is cut off does not end the program', () => {
    const events: string[] = []
    monitorReader(({ event }) => events.push(event))('{"ev\n5\nnull\n{"event":"STOP"}\n')
    expect(events).toEqual(['STOP'])
  })
})

test("values of the working config are checked: another program's hands may have been in it", async () => {
  const { cwd, env, write } = site()
  const config = dpserviceConfig()
  write(config)
  const [vm] = config['hypervisors'][0].vms
  Object.assign(vm, { host_address: ['192.168.122.7'], mac_address: '52:54:00:00:00:01', host_key: 'x' })
  const working = workingConfigFile(cwd, 'test_configurations')
  mkdirSync(path.dirname(working), { recursive: true })
  writeFileSync(working, JSON.stringify(config))
  await expect(loadConfig({ cwd, env })).rejects.toThrow(
    /working\.json.*\n.*vms\[0\]\.host_address .*is not a host name/,
  )
})

test.each(['constructor', 'toString', '__proto__'])(
  'what every object has is no name of ours: %s',
  async (name) => {
    expect(await main([name])).toBe(2)
    expect(await main(['guest', name])).toBe(2)
    expect(() => readSettings({ DPBENCH_MODE: name })).toThrow(UsageError)
    const faults: string[] = []
    expect(readKtestVariables(`${name}=1\nktest_mem=1G\n`, 'x', faults).settings).toHaveLength(1)
    expect(faults).toEqual([])
  },
)

test('a template that is a folder, and an image that is cut short, are refused', async () => {
  const folder = scratchFolder()
  mkdirSync(path.join(folder, 'vm.njk'))
  await expect(loadTemplate('vm.njk', 'x', folder, '--xml-template-name')).rejects.toThrow(UsageError)
  const image = path.join(folder, 'guest.qcow2')
  writeFileSync(image, Buffer.from('QFI\u00fb\0\0', 'latin1'))
  await expect(inspectImage(image)).rejects.toThrow(/is cut short/)
})

test('a journal that cannot be read is said; a line without its host is not undone', async () => {
  const folder = scratchFolder()
  await expect(openJournal(folder)).rejects.toThrow(DpbenchError)
  const file = path.join(folder, 'journal.jsonl')
  const entry = { id: '1', time: 't', runId: 'r', scope: 'run', undo: { kind: 'x' }, what: 'a thing' }
  writeFileSync(file, [entry, { ...entry, id: '2', host: 5 }].map((each) => JSON.stringify(each)).join('\n'))
  const journal = await openJournal(file)
  expect([journal.pending().length, journal.tornLines]).toEqual([1, 1])
})

test('XML with external entities, or nested without end, is refused', () => {
  const external = '<!DOCTYPE x [<!ENTITY c SYSTEM "file:///etc/passwd">]><domain><name>&c;</name></domain>'
  expect(() => parseDomain(external)).toThrow(DpbenchError)
  expect(() => parseDomain('<a>'.repeat(20_000) + '</a>'.repeat(20_000))).toThrow(DpbenchError)
})

test('an image archive whose members lie elsewhere, or are not there, is refused', async () => {
  const folder = scratchFolder()
  for (const Config of ['../../etc/passwd', '/etc/passwd', 'gone.json']) {
    writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify([{ Config, Layers: [] }]))
    await expect(ImageArchive.read(folder, 'a:b')).rejects.toThrow(DpbenchError)
  }
})

test('a record with a time that is none is refused', () => {
  const text = serialiseRecord({ ...fullRecord(), startedAt: 'yesterday' })
  expect(() => parseRecord(text, 'run.json')).toThrow(ConfigError)
})

test('a number with two points, or of a hundred digits, is no figure of ping or of a process', () => {
  const line = (time: string): string =>
    `[1732193087.4] 64 bytes from ::1: icmp_seq=1 ttl=64 time=${time} ms\n`
  const statistics = '1 packets transmitted, 1 received, 0% packet loss, time 0ms\n'
  expect(parsePing(line('1.25') + statistics)?.echoes).toEqual([
    { atMs: 1_732_193_087_400, rttSeconds: 0.00125 },
  ])
  for (const odd of ['1.2.3', '9'.repeat(400)]) {
    expect(parsePing(line(odd) + statistics)?.echoes).toEqual([])
    expect(parseProbeLine(line(odd).trim())).toBeUndefined()
  }
  const frames = '5201 at 400\n' + '9'.repeat(400) + '5201 status 3\n1.25201 out 0\n5201 err 0\n'
  expect(parseFrames(printed(frames)).get(5201)).toEqual({
    exitCode: null,
    stdout: '',
    stderr: '',
    launchedAtMs: undefined,
  })
})

test('a very long word is compared with nothing', () => {
  expect(suggest('m'.repeat(1_000_000), ['mode'])).toBeUndefined()
  expect(suggest('mdoe', ['mode'])).toBe('mode')
})

test('the table: a row is replaced, others stay', () => {
  const row = (property: string, tried: number): Row => ({
    property,
    counted: 'x',
    tried,
    faults: 0,
    date: 'd',
    machine: 'm',
  })
  const [begin, end] = ['begin', 'end'].map((each) => `<!-- written by \`npm run test:faults\`: ${each} -->`)
  const once = withRows(`a\n${begin}\n${end}\nb\n`, [row('one', 1), row('two', 2)])
  const twice = withRows(once, [row('one', 5)])
  expect(twice.match(/^\| (one|two) .*/gm)).toEqual([
    '| one | 5 x | 0 | d | m |',
    '| two | 2 x | 0 | d | m |',
  ])
  expect(twice).toMatch(/^a\n[^]*\nb\n$/)
  expect(() => withRows('no marks', [])).toThrow(/no place/)
})
