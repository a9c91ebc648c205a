/** What is said when throughput is missed, when nothing valid was measured, and when the data plane goes away. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { onlyRecording } from './support/flight.ts'
import { useLab } from './support/lab.ts'
import { type EditableConfig, Project, stackTrace } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

const oneScenario = ['--mode', 'offload', '-t', 'IPv4 on one hypervisor'] as const

describe.skipIf(whyNoLab.length > 0)('a run that does not pass', { timeout: 360_000 }, () => {
  const lab = useLab()

  test('a threshold that is too high is FAIL, with figure, interval and threshold: exit 1', async () => {
    const edit = (config: EditableConfig): void => void (config.expected_throughput.hw.local_vm2vm = 4000)
    const project = await Project.create(lab, { edit })
    const { status, text } = await project.run(...oneScenario)

    expect(status, text).toBe(1)
    expect(text).toMatch(
      /FAIL: \d[\d.]* ± \d[\d.]* Gbit\/s < 4000 expected \(offload, local_vm2vm\): -(99\.\d|100\.0) %, n=\d/,
    )
    expect(text).not.toMatch(stackTrace)
    const { tests, outcome } = await project.record()
    expect(outcome).toMatchObject({ exitCode: 1, counts: { failed: 1, passed: 0 } })
    const [failed] = tests.filter(({ result }) => result.state === 'judged')
    expect(existsSync(join(project.results, failed!.folder!, 'FAILED'))).toBe(true)
    expect(existsSync(join(project.results, failed!.folder!, 'SUCCESS'))).toBe(false)
    const junit = await project.resultFile('junit.xml')
    expect(junit).toMatch(/<failure[^>]*>/)
    expect(junit).toMatch(/4000 expected/)

    // the flight recorder: every machine, the outputs of both ends, the timeline, named wherever the failure is
    expect(text).toContain(`flight recorder: ${join(project.resultsName, failed!.flight!)}`)
    for (const report of ['junit.xml', 'summary.md', 'report.html'])
      expect(await project.resultFile(report)).toContain(failed!.flight!)
    const recording = await onlyRecording(project)
    for (const machine of lab.machines)
      for (const name of [
        'addresses',
        'routes',
        'ethtool',
        'packet-filter',
        'sockets',
        'kernel-log',
        'journal',
      ])
        expect(recording.source(machine, name).file, `${name} of ${machine}`).toBeDefined()
    const lease = (lab.config as EditableConfig).hypervisors[0].vms[0].if_config.ipv4 as string
    expect(await recording.text('vm1', 'addresses'), 'before it is put back').toContain(lease)
    expect(recording.source('hypervisor-2', 'domstats')).toMatchObject({ exitStatus: 0 })
    expect(await recording.text('hypervisor-1', 'telemetry-of-dpservice_hypervisor-1')).toContain('obj_count')
    expect(await recording.text('hypervisor-1', 'interfaces-of-dpservice_hypervisor-1')).toContain('"vm1"')
    expect(await recording.text('controller', 'timeline.jsonl')).toContain('iperf3')
    const outputs = recording.index.sources.filter(({ machine }) => machine === 'tools')
    for (const end of ['client', 'server'])
      expect(
        outputs.some(({ name, bytes }) => name.endsWith(`${end}.json`) && bytes > 1000),
        end,
      ).toBe(true)
  })

  test('an iperf3 that fails for one of three flows makes it INVALID: exit 3', async () => {
    const wrapper = '/usr/local/bin/iperf3'
    await lab.shell(
      'vm1',
      `cat > ${wrapper} <<'END'
#!/bin/sh
case " $* " in *" -c "*" 5202 "*) echo "iperf3: error - this one is broken" >&2; exit 1;; esac
exec /usr/bin/iperf3 "$@"
END
chmod 755 ${wrapper}`,
    )
    onTestFinished(async () => void (await lab.shell('vm1', `rm -f ${wrapper}`)))
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const { status, text } = await project.run(...oneScenario)

    expect(status, text).toBe(3)
    expect(text).toMatch(/INVALID: /)
    expect(text).toContain('this one is broken')
    expect(text).not.toMatch(/PASS/)
    expect(text).not.toMatch(stackTrace)
    expect((await project.record()).outcome).toMatchObject({ exitCode: 3, counts: { invalid: 1, passed: 0 } })
    await expectAsBefore(lab, before)
  })

  test('a data plane that is killed while it is measured makes it INVALID, with that reason: exit 3', async () => {
    const project = await Project.create(lab, {
      edit: (config) => {
        config.measurement.repetitions = { min: 5, max: 5 }
      },
    })
    const before = await lab.snapshot()
    const running = project.start('--mode', 'offload', '-t', 'IPv4 between hypervisors')
    await running.shows(/repetition 1 /)
    const killed = performance.now()
    await lab.shell('hypervisor-2', 'docker kill dpservice_hypervisor-2')
    const { status, text } = await running.ended

    expect(status, text).toBe(3)
    expect(text).toMatch(/INVALID: /)
    expect(text).toMatch(/dpservice on hypervisor-2 stopped \(exit code 137\)/)
    expect(text).not.toMatch(/PASS/)
    expect(text).not.toMatch(stackTrace)
    expect(performance.now() - killed).toBeLessThan(60_000)
    expect((await project.record()).outcome.counts).toMatchObject({ invalid: 1, passed: 0 })
    const recording = await onlyRecording(project)
    expect(recording.source('hypervisor-2', 'log-of-dpservice_hypervisor-2').bytes).toBeGreaterThan(0)
    expect(recording.source('hypervisor-2', 'telemetry-of-dpservice_hypervisor-2').missing).toBe(
      'it does not run',
    )
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })
})
