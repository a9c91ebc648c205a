import { describe, expect, expectTypeOf, test } from 'vitest'
import type { z } from 'zod'
import { ConfigError, DeployError } from '../../src/core/errors.ts'
import { exitCodeOf } from '../../src/report/outcome.ts'
import { parseRecord, schemaVersion, type RunRecord } from '../../src/report/record.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import { recordError, RunRecorder } from '../../src/report/recorder.ts'
import { withoutSecrets } from '../../src/report/secrets.ts'
import { sampleShape } from '../../src/report/sample-schema.ts'
import { verdictShape } from '../../src/report/verdict-schema.ts'
import type { Sample } from '../../src/verdict/sample.ts'
import type { Verdict } from '../../src/verdict/verdict.ts'
import { entry, fullRecord, recordOf, results, start } from './fixtures.ts'

describe('the record', () => {
  test('is the same after writing and reading', () => {
    const record = fullRecord()
    expect(parseRecord(serialiseRecord(record), 'run.json')).toEqual(JSON.parse(JSON.stringify(record)))
  })

  test('keeps every field of samples and verdicts', () => {
    type KeysOf<T> = T extends unknown ? keyof T : never
    expectTypeOf<KeysOf<z.infer<typeof sampleShape>>>().toEqualTypeOf<KeysOf<Sample>>()
    expectTypeOf<KeysOf<z.infer<typeof verdictShape>>>().toEqualTypeOf<KeysOf<Verdict>>()
    type Flow<T extends { flows: unknown }> = T['flows'] extends readonly (infer F)[] ? keyof F : never
    expectTypeOf<Flow<z.infer<typeof sampleShape>>>().toEqualTypeOf<Flow<Sample>>()
  })

  test('has rows of figures on one line, and strings untouched', () => {
    const record = { ...fullRecord(), notices: ['[\n  1,\n  2\n]'] }
    const text = serialiseRecord(record)
    expect(text).toMatch(/\[0, 37, \d/)
    expect(text).toContain('"schema_version": 1')
    expect(parseRecord(text, 'run.json').notices).toEqual(record.notices)
  })

  test.for([
    ['{', 'old.json is not JSON'],
    ['{"a": 1}', 'old.json is not a run record of dpbench: it has no schema_version'],
    [
      '{"schema_version": 0}',
      'old.json has schema version 0, and this dpbench reads 1: use an older dpbench for it',
    ],
    [
      '{"schema_version": 2}',
      'old.json has schema version 2, and this dpbench reads 1: use a newer dpbench for it',
    ],
  ] as const)('%s is refused with one sentence', ([json, message]) => {
    expect(() => parseRecord(json, 'old.json')).toThrow(new ConfigError(message))
  })

  test('a broken one is refused with each fault and its place', () => {
    const broken = { ...fullRecord(), tests: [{ suite: 7 }], modes: 'both' }
    const error = catchError(() => parseRecord(JSON.stringify(broken), 'run.json'))
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).faults).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^modes: /),
        expect.stringMatching(/^tests\.0\.suite: /),
      ]),
    )
    expect(schemaVersion).toBe(1)
  })
})

describe('the recorder', () => {
  test('adds up what is found about a machine, and says a notice once', () => {
    const record = fullRecord()
    expect(record.notices).toHaveLength(1)
    expect(record.machines.map(({ name }) => name)).toEqual(['builder', 'hypervisor-1'])
    expect(record.machines[1]).toMatchObject({ kernel: '6.18.44', offloads: { enp1s0: {} } })
  })

  test('has a record at any time; only a finished run has an end', () => {
    const recorder = new RunRecorder(start)
    expect(recorder.snapshot()).not.toHaveProperty('finishedAt')
    recorder.test(entry(results.pass))
    const before = recorder.snapshot()
    recorder.test(entry(results.fail))
    expect(before.tests).toHaveLength(1)
    expect(recorder.finish().finishedAt).toMatch(/^\d{4}-/)
  })

  test('hashes a config by its content, not by the order of its keys', () => {
    expect(hash({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(hash({ b: [{ d: 3, c: 2 }], a: 1 }))
    expect(hash({ a: 1 })).not.toBe(hash({ a: 2 }))
  })

  test('keeps the code and the exit code of an error', () => {
    const error = new DeployError('no image', { cause: new Error('404') })
    expect(recordError(error)).toEqual({
      code: 'DPBENCH_DEPLOY',
      message: 'no image\n  because: 404',
      exitCode: 3,
    })
    expect(recordError(new TypeError('oops'))).toEqual({ code: 'TypeError', message: 'oops', exitCode: 3 })
  })
})

test('secrets are replaced by key and by look, places of secrets are kept', () => {
  const config = {
    key_file: '/root/.ssh/id',
    console: { password_hash_file: '/etc/hash', password: 'hunter2', tokens: ['a', 'b'] },
    odd: ['$6$salt$hash', '-----BEGIN OPENSSH PRIVATE KEY-----\nabc', 'plain'],
  }
  expect(withoutSecrets(config)).toEqual({
    key_file: '/root/.ssh/id',
    console: {
      password_hash_file: '/etc/hash',
      password: '(not recorded)',
      tokens: ['(not recorded)', '(not recorded)'],
    },
    odd: ['(not recorded)', '(not recorded)', 'plain'],
  })
  const recorder = new RunRecorder({ ...start, options: { token: 'x' }, config: { content: config } })
  expect(serialiseRecord(recorder.snapshot())).not.toMatch(/hunter2|OPENSSH|\$6\$/)
})

describe('the exit code', () => {
  const { pass, fail, unstable, invalid, error, skipped, passed, failed } = results

  test.for([
    ['all passed', [pass, passed, skipped], 0],
    ['a threshold missed', [pass, fail], 1],
    ['a check failed', [pass, failed], 1],
    ['unstable', [pass, unstable], 4],
    ['a miss is more certain than unstable', [unstable, fail], 1],
    ['invalid', [pass, invalid], 3],
    ['invalid makes the miss doubtful', [fail, unstable, invalid], 3],
    ['infrastructure', [pass, error, fail], 3],
    ['a usage error before all', [error, { ...error, error: { ...error.error, exitCode: 2 } }], 2],
    ['nothing but skipped', [skipped], 3],
    ['nothing at all', [], 3],
  ] as const)('%s: %d', ([, list, code]) => {
    const record = recordOf(...list)
    expect(exitCodeOf(record)).toBe(code)
    expect(record.outcome.exitCode).toBe(code)
  })

  const withChanges = (changes: Partial<RunRecord>): number => exitCodeOf({ ...recordOf(pass), ...changes })

  test('of what happens outside of tests', () => {
    expect(withChanges({ leftovers: ['a bridge'] })).toBe(3)
    expect(withChanges({ failures: [{ where: 'clean-up', code: 'X', message: 'x', exitCode: 3 }] })).toBe(3)
    expect(withChanges({ interruptedBy: 'SIGINT', leftovers: ['a bridge'] })).toBe(130)
    expect(withChanges({ interruptedBy: 'SIGTERM' })).toBe(143)
  })

  test('of counts', () => {
    expect(recordOf(pass, fail, failed, unstable, invalid, error, skipped).outcome.counts).toEqual({
      passed: 1,
      failed: 2,
      unstable: 1,
      invalid: 1,
      errors: 1,
      skipped: 1,
    })
  })
})

function catchError(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('it did not throw')
}

function hash(content: unknown): string {
  return new RunRecorder({ ...start, config: { content } }).snapshot().config.sha256
}

test('steps stand on a line each, and come back as they were', () => {
  const recorder = new RunRecorder({ ...start, config: { content: { steps: [] } } })
  const base = { machine: 'vm1', kind: 'command', startedAt: start.startedAt, durationMs: 1 } as const
  recorder.step({ ...base, name: 'echo \'$&\' "$1"', outcome: 'ok', output: 'a\n  "steps": []' })
  recorder.step({ ...base, name: 'true', outcome: 'ok' })
  const record = recorder.finish()
  const text = serialiseRecord(record)
  expect(parseRecord(text, 'run.json')).toEqual(JSON.parse(JSON.stringify(record)))
  expect(text.match(/^ {4}\{"machine".*\}/gm)).toHaveLength(2)
})
