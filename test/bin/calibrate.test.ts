/** `dpbench calibrate --from`, and what the commands of a series refuse, as they are typed. */
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { ab } from '../../bin/ab.ts'
import { bisect } from '../../bin/bisect.ts'
import { calibration } from '../../bin/calibrate.ts'
import type { CommandResult } from '../../src/core/command-result.ts'
import { UsageError } from '../../src/core/errors.ts'
import { tryLocally } from '../../src/core/local-command.ts'
import type { RunRecord } from '../../src/report/record.ts'
import { serialiseRecord } from '../../src/report/serialise.ts'
import { dpserviceConfig, site } from '../config/dpservice-file.ts'
import { entry, results } from '../report/fixtures.ts'
import { measured, recordWith } from '../series/fixtures.ts'

const bin = path.resolve('bin/dpbench.ts')
const ten = [9.5, 9.0, 9.6, 9.1, 9.9, 9.3, 9.8, 9.2, 9.7, 9.4]

interface Place {
  readonly config: string
  store(name: string, record: RunRecord): void
  dpbench(...argv: string[]): Promise<CommandResult>
}

/** A config with a layout of its own, and `results` to fill. */
function place(): Place {
  const { cwd, env, write } = site()
  const file = dpserviceConfig()
  file.expected_throughput = { sw: { local_vm2vm: 10 }, hw: { lb: 12 } }
  const config = write(`${JSON.stringify(file, undefined, '\t').replace('"lb": 12', '"lb" :  12')}\n`)
  chmodSync(config, 0o640)
  const clean = Object.entries(process.env).filter(([name]) => !/^(DPBENCH_|VITEST|FORCE_COLOR)/.test(name))
  return {
    config,
    store(name, record) {
      mkdirSync(path.join(cwd, 'results', name), { recursive: true })
      const of = { ...record, config: { ...record.config, file: config } }
      writeFileSync(path.join(cwd, 'results', name, 'run.json'), serialiseRecord(of))
    },
    dpbench: (...argv) =>
      tryLocally([process.execPath, bin, ...argv], { cwd, env: { ...Object.fromEntries(clean), ...env } }),
  }
}

/** Ten sound runs, and one that does not count. */
function calibrated(means = ten): Place {
  const here = place()
  means.forEach((mean, index) =>
    here.store(`run-${index}`, recordWith([measured([mean, mean])], { runId: `run-${index}` })),
  )
  here.store('run-invalid', recordWith([entry(results.invalid)], { runId: 'run-invalid' }))
  return here
}

describe('calibrate --from', () => {
  test('shows a diff, and writes nothing by itself', async () => {
    const { config, dpbench } = calibrated()
    const before = readFileSync(config, 'utf8')
    const { exitCode, stdout, stderr } = await dpbench('calibrate', '--from', 'results')
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(stdout).toContain('local_vm2vm (offload): 8.56, was not there')
    expect(stdout).toContain('1 run was not usable, and not in these figures:')
    expect(stdout).toMatch(/run-invalid\/run\.json: invalid: .*restarted/)
    expect(stdout).toMatch(/^--- a\/test_configurations\.json\n\+\+\+ b\/test_configurations\.json\n@@ /m)
    expect(stdout).toContain('-\t\t\t"lb" :  12\n+\t\t\t"lb" :  12,\n+\t\t\t"local_vm2vm": 8.56\n')
    expect(stdout).toContain('nothing was written: add --write')
    expect(readFileSync(config, 'utf8')).toBe(before)
    expect(readdirSync(path.dirname(config))).toEqual(['test_configurations.json'])
  })

  test('--write changes the numbers alone, keeps the mode, and says where they come from', async () => {
    const { config, dpbench } = calibrated()
    const before = readFileSync(config, 'utf8')
    const { exitCode, stdout } = await dpbench('calibrate', '--from', 'results', '--write')
    expect(exitCode, stdout).toBe(0)
    expect(readFileSync(config, 'utf8')).toBe(
      before.replace('"lb" :  12', '"lb" :  12,\n\t\t\t"local_vm2vm": 8.56'),
    )
    expect(statSync(config).mode & 0o777).toBe(0o640)
    const told = readFileSync(path.join(path.dirname(config), 'test_configurations.calibration.json'), 'utf8')
    expect(JSON.parse(told)).toMatchObject({
      thresholds: { '': { hw: { local_vm2vm: { value: 8.56, n: 10 } } } },
    })
    const again = await dpbench('calibrate', '--from', 'results', '--write')
    expect(again.stdout).toContain(`${config} has these thresholds already`)
  })

  test('runs that are too far apart give no threshold, and there is nothing to write', async () => {
    const { config, dpbench } = calibrated([1, 20, 2, 19, 3, 18, 1, 17, 2, 20])
    const before = readFileSync(config, 'utf8')
    const { exitCode, stdout } = await dpbench('calibrate', '--from', 'results', '--write')
    expect(exitCode, stdout).toBe(3)
    expect(stdout).toMatch(/local_vm2vm \(offload\) gets no threshold: .* quieten the machines/)
    expect(stdout).toMatch(/^there is nothing to write$/m)
    expect(readFileSync(config, 'utf8')).toBe(before)
  })

  test('runs that are unlike, too few, or none with figures are refused', async () => {
    const few = place()
    few.store('one', recordWith([measured([9, 9])]))
    expect(await few.dpbench('calibrate', '--from', 'results/one')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('calibrating takes 10 valid runs of each test'),
    })
    const unlike = calibrated()
    const other = recordWith([measured([9, 9])], { runId: 'other' })
    unlike.store('run-other', { ...other, machines: [{ ...other.machines[0]!, kernel: '7.0' }] })
    expect(await unlike.dpbench('calibrate', '--from', 'results')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/run-other\/run\.json is unlike the first run.*\n.*6\.18 → 7\.0/),
    })
    const none = place()
    none.store('bad', recordWith([entry(results.invalid)]))
    expect(await none.dpbench('calibrate', '--from', 'results')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/none of the 1 runs has valid figures: invalid/),
    })
  })
})

describe('refused before anything is made', () => {
  const nowhere = path.join(tmpdir(), 'dpbench-test-nowhere')

  test.each([
    ['calibrate', '', /--mode is missing/],
    ['calibrate', '--mode offload --runs 9', /--runs is "9": write a whole number, at least 10/],
    ['calibrate', '--mode offload --profil quick', /did you mean --profile/],
    ['calibrate', `--resume ${nowhere}`, /--resume .*nowhere: .*there is no such file/],
    ['calibrate', '--resume x --mode both', /leave --mode out/],
    ['ab', '--mode offload --image a', /1 are named: write --image A --image B/],
    ['ab', '--mode offload --image a --image=a', /add --aa/],
    ['ab', '--mode offload --image a --image', /--image needs a value/],
    ['ab', '--mode offload --image a --image b --docker-image c', /named by --image A --image B/],
    ['ab', '--mode offload --image a --image b --rounds 3', /at least 5/],
    ['bisect', '--mode offload', /--dpservice-source DIR, or the images of --images/],
    ['bisect', '--mode offload --images a', /name two or more/],
    ['bisect', `--mode offload --dpservice-source ${nowhere} --good a`, /give --good REF and --bad REF/],
    ['bisect', `--mode offload --dpservice-source ${nowhere} --good a --bad b`, /nowhere is no folder/],
  ] as const)('%s %s', async (command, text, sentence) => {
    const argv = text.split(' ').filter(Boolean)
    const run = { ab, bisect, calibrate: calibration }[command]
    const refused = await run(argv).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(UsageError)
    expect((refused as UsageError).message).toMatch(sentence)
  })
})
