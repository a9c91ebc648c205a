import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import {
  type Ask,
  DpdkCounters,
  givenTo,
  takenFrom,
  telemetrySocket,
} from '../../src/dataplane/dpservice/telemetry.ts'
import {
  noSocket,
  noSpeaker,
  parseReplies,
  telemetryCommand,
} from '../../src/dataplane/dpservice/telemetry-script.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { serveTelemetry } from './telemetry-server.ts'

const request = '/dp_service/graph/obj_count'
const counted = { [request]: { Node_0_to_255: { 'rx-0-0': 12, 'tx-0': 3 } } }

test('where DPDK opens its socket', () => {
  expect(telemetrySocket(['-l', '0,1'])).toBe('/var/run/dpdk/rte/dpdk_telemetry.v2')
  expect(telemetrySocket(['--file-prefix=a'])).toBe('/var/run/dpdk/a/dpdk_telemetry.v2')
  expect(telemetrySocket(['--file-prefix', 'b'])).toBe('/var/run/dpdk/b/dpdk_telemetry.v2')
  expect(() => telemetrySocket(['--no-telemetry'])).toThrow('--no-telemetry')
})

test('replies come one after the other, with anything inside their strings', () => {
  expect(parseReplies('{"a":1}{"b":{"c":"}{"}}\n{"d\\"}":2}\n')).toEqual([
    { a: 1 },
    { b: { c: '}{' } },
    { 'd"}': 2 },
  ])
  expect(parseReplies('')).toEqual([])
  expect(() => parseReplies('{"a":1}{"b"')).toThrow(/its telemetry answered what is no JSON object: \{"b"/)
})

describe('a socket of packets', () => {
  const path = (program: string): string | undefined => {
    try {
      const asked =
        program === 'python3' // behind whatever wraps it
          ? "python3 -c 'import sys; print(sys.executable)'"
          : `PATH=$PATH:/usr/bin command -v ${program}`
      return execFileSync('sh', ['-c', asked], { encoding: 'utf8' }).trim()
    } catch {
      return undefined
    }
  }

  /** A PATH with these programs alone. */
  function only(...programs: string[]): NodeJS.ProcessEnv {
    const folder = join(scratchFolder(), 'bin')
    mkdirSync(folder)
    for (const program of ['sh', ...programs]) symlinkSync(path(program)!, join(folder, program))
    return { ...process.env, PATH: folder }
  }

  test.for(['python3', 'perl'])('is asked by %s', async (program, { skip }) => {
    skip(path(program) === undefined, `${program} is not installed`)
    const socket = join(scratchFolder(), 'socket')
    await serveTelemetry(socket, { [request]: counted, '/ethdev/info,1': { '/ethdev/info': { name: 'x' } } })
    const command = telemetryCommand(socket, [request, '/ethdev/info,1', '/nothing'])
    const { stdout, stderr, exitCode } = await tryLocally(command, { env: only(program) })
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    const replies = parseReplies(stdout).filter((reply) => !('pid' in reply))
    expect(replies).toEqual([counted, { '/ethdev/info': { name: 'x' } }, { '/nothing': null }])
  })

  test('without a program, and without a socket, there is a status of its own', async () => {
    const socket = join(scratchFolder(), 'socket')
    expect(await tryLocally(telemetryCommand(socket, [request]))).toMatchObject({ exitCode: noSocket })
    await serveTelemetry(socket, {})
    const lean = await tryLocally(telemetryCommand(socket, [request]), { env: only() })
    expect(lean).toMatchObject({ exitCode: noSpeaker })
  })
})

describe('counters', () => {
  const infos = ['0000:8a:00.0', '0000:8a:00.0_representor_vf2']
  /** As DPDK answers, with another answer here and there. */
  const asking =
    (changes: Readonly<Record<string, unknown>> = {}): Ask =>
    async (requests) =>
      requests.map((each) => {
        const [name = '', port] = each.split(',')
        const replies: Record<string, unknown> = {
          '/ethdev/list': [0, 1],
          '/ethdev/info': { name: infos[Number(port)], state: 1 },
          [request]: { Node_0_to_255: { 'rx-0-0': 5, 'rx-1-0': 7, 'rx-1-1': 2, 'tx-1': 11, 'rx-11-0': 100 } },
          ...changes,
        }
        return { [name]: replies[name] ?? null }
      })

  test('a port by its device, and what the graph took from it and gave to it', async () => {
    const counters = new DpdkCounters(asking())
    const port = await counters.port(infos[1]!)
    const objects = await counters.objects()
    expect([port, takenFrom(objects, port), givenTo(objects, port)]).toEqual([1, 9, 11])
  })

  test('what cannot be counted says why', async () => {
    await expect(new DpdkCounters(asking()).port('net_tap9')).rejects.toThrow(
      'knows no port net_tap9, but 0000:8a:00.0, 0000:8a:00.0_representor_vf2',
    )
    await expect(new DpdkCounters(asking({ [request]: {} })).objects()).rejects.toThrow('keeps no statistics')
    await expect(new DpdkCounters(asking({ [request]: undefined })).objects()).rejects.toThrow(
      `does not answer ${request}`,
    )
    const objects = await new DpdkCounters(asking()).objects()
    expect(() => givenTo(objects, 0)).toThrow('no node')
  })
})
