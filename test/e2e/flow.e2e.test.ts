/** `dpbench flow` and the figures beside throughput, for real: between the lab's machines, and by hand on loopback. */
import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { type TestLab, useLab } from './support/lab.ts'
import { type EditableConfig, Project, dpbenchBin, stackTrace } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

const header = 'Flow Count,Round Number,Throughput Mbps,Throughput Gbps'
const row = (flows: number) => new RegExp(`^${header}\n${flows},1,\\d+\\.\\d\\d,\\d+\\.\\d{3}\n$`)

/** An iperf3 whose client fails on the port of the second flow. */
async function breakSecondFlow(lab: TestLab, machine: string): Promise<void> {
  const wrapper = '/usr/local/bin/iperf3'
  onTestFinished(async () => void (await lab.shell(machine, `rm -f ${wrapper}`)))
  await lab.shell(
    machine,
    `cat > ${wrapper} <<'END'
#!/bin/sh
case " $* " in *" -c "*" 5202 "*) echo "iperf3: error - this one is broken" >&2; exit 1;; esac
exec /usr/bin/iperf3 "$@"
END
chmod 755 ${wrapper}`,
  )
}

const suite = `
import { expect, test } from 'dpbench'

test('figures', async ({ placement, dataplane, traffic }) => {
  const { from, to } = placement.acrossHypervisors()
  await dataplane.route(from, to)
  const path = { from, to, family: 'ipv4' }
  const udp = await traffic.udp({ ...path, bitsPerSecond: 5e6, payloadBytes: 500 })
  expect.soft(udp.metrics.loss).toStayBelow('udp_loss')
  expect.soft(udp.metrics.sent).toReach('udp_sent')
  const both = await traffic.bothWays({ ...path, flows: 1 })
  expect.soft(both.metrics.total).toReach('nobody_expects_this')
  const rtt = await traffic.rttUnderLoad({ ...path, flows: 1 })
  expect.soft(rtt.metrics['loaded p99']).toStayBelow('rtt')
  await traffic.latency(path)
})
`

describe.skipIf(whyNoLab.length > 0)('dpbench flow', { timeout: 360_000 }, () => {
  const lab = useLab()
  const flow = (project: Project, ...argv: string[]) => project.startNode([dpbenchBin, 'flow', ...argv])

  test('between VMs, with the data plane for it; a flow that fails makes its round INVALID: exit 3', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    await breakSecondFlow(lab, 'vm3')
    const config = ['--env-config-file', project.configFile, '--mode', 'offload']
    const plan = ['--flow-count', '1,2', '--run-time', '1', '--payload-length', '1000']
    const running = flow(
      project,
      '--from',
      'vm3',
      '--to',
      'vm1',
      ...config,
      ...plan,
      '--output-file-prefix',
      'x',
    )
    const { status, text } = await running.ended
    await lab.shell('vm3', 'rm -f /usr/local/bin/iperf3')

    expect(status, text).toBe(3)
    expect(text).not.toMatch(stackTrace)
    const file = (name: string) => readFile(join(project.folder, name), 'utf8')
    expect(await file('x_1_1.csv'), text).toMatch(row(1))
    expect(await file('x_2_1.csv')).toBe(`${header}\n2,1,,\n`)
    expect(await file('x_2_1.txt')).toMatch(/^Round 1: INVALID: flow 2 \(vm3 → vm1\): .*this one is broken/)
    expect(await file('x_summary.txt')).toMatch(/^1 flow: .* 1 of 1 rounds valid\n2 flows: no figure, 0 of 1/)
    expect(await file('x.svg')).toContain('2 (1 INVALID)')
    expect(await readdir(join(project.folder, 'x_raw'))).toContain('flows-1-round-1-flow-1-server.json')
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('without --mode it changes nothing and says what is missing: exit 3', async () => {
    const project = await Project.create(lab)
    const config = ['--env-config-file', project.configFile]
    const { status, text } = await flow(project, '--from', 'vm3', '--to', 'vm1', ...config).ended
    expect(status, text).toBe(3)
    expect(text).toMatch(/vm1 does not have 10\.\S+, its address in the config.*give --mode/s)
    expect(existsSync(join(project.folder, '.dpbench'))).toBe(false)
    const unknown = await flow(project, '--from', 'vm33', '--to', 'vm1', ...config).ended
    expect(unknown.text).toContain('--from: the config has no machine vm33: did you mean vm3?')
    expect(unknown.status).toBe(2)
  })

  test('Ctrl-C while it measures ends iperf3 on both machines: exit 130', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const machines = [
      '--from',
      'hypervisor-2',
      '--to',
      'hypervisor-1',
      '--env-config-file',
      project.configFile,
    ]
    const running = flow(project, ...machines, '--run-time', '60')
    await running.shows(/1 × 60 s/)
    await expect
      .poll(() => lab.shell('hypervisor-2', 'pgrep -c -f "iperf3 -4 -c" || true'), { timeout: 15_000 })
      .not.toBe('0\n')
    running.signalGroup('SIGINT')
    const { status, text } = await running.ended
    expect(status, text).toBe(130)
    expect(text).not.toMatch(stackTrace)
    await expectAsBefore(lab, before)
  })

  test('by hand: a server and a client, with a sweep, a checked segment size and both ends’ outputs', async () => {
    const project = await Project.create(lab)
    const where = ['--server-ip', '127.0.0.1', '--control-port', '50917']
    const plan = ['--flow-count', '1,2', '--run-time', '1', '--payload-length', '1400', '--port', '5917']
    const client = flow(project, 'client', ...where, ...plan, '--output-file-prefix', 'x')
    const server = flow(project, 'server', ...where, '--flow-count', '2')
    const [{ status, text }, served] = await Promise.all([client.ended, server.ended])
    expect(status, text + served.text).toBe(0)
    expect(served.status, served.text).toBe(0)
    expect(await readFile(join(project.folder, 'x_2_1.csv'), 'utf8')).toMatch(row(2))
    expect(await readdir(join(project.folder, 'x_raw'))).toHaveLength(6)
  })

  test('by hand: a client that asks for too much is told, and a server without one ends by itself', async () => {
    const project = await Project.create(lab)
    const where = ['--server-ip', '127.0.0.1', '--control-port', '50918']
    const server = flow(project, 'server', ...where, '--flow-count', '2', '--wait', '20')
    const client = await flow(project, 'client', ...where, '--flow-count', '3').ended
    expect(client.status, client.text).toBe(3)
    expect(client.text).toContain('3 flows were asked for, and it was started for 2')
    await server.ended
    const alone = await flow(project, 'server', ...where, '--wait', '1').ended
    expect(alone.status, alone.text).toBe(3)
    expect(alone.text).toContain('no client came within 1 s')
  })

  test('figures beside throughput are judged where the config expects something, and recorded', async () => {
    const edit = (config: EditableConfig): void => {
      config.measurement = { ...config.measurement, kept_seconds: 2, repetitions: { min: 2, max: 2 } }
      config.expected = {
        hw: {
          udp_loss: { at_most: 100, unit: 'percent' },
          udp_sent: { at_least: 9, unit: 'Gbit/s' },
          rtt: { at_most: 5, unit: 's' },
        },
      }
    }
    const project = await Project.create(lab, { suites: { 'figures.test.ts': suite }, edit })
    const before = await lab.snapshot()
    const { status, text } = await project.run('--mode', 'offload', '--verdict', 'mean')
    expect(status, text).toBe(1)
    expect(text).toMatch(
      /FAIL: .*udp at 5 Mbit\/s ipv4 vm3 → vm1, sent: \S+ ± \S+ Mbit\/s < 9 Gbit\/s expected/,
    )
    const [{ result, metrics, repetitions }] = (await project.record()).tests as [
      Awaited<ReturnType<Project['record']>>['tests'][number],
    ]
    expect(result).toMatchObject({ state: 'assessed', verdict: 'FAIL', sentences: [expect.any(String)] })
    const states = metrics.flatMap((measurement) =>
      measurement.metrics.map(({ name, verdict }) => [name, verdict?.state]),
    )
    expect(states.filter(([, state]) => state !== undefined)).toEqual([
      ['sent', 'FAIL'],
      ['loss', 'PASS'],
      ['loaded p99', 'PASS'],
    ])
    expect(metrics.map(({ measurement }) => measurement)).toEqual([
      'udp at 5 Mbit/s ipv4 vm3 → vm1',
      'iperf3 both ways ipv4 vm3 → vm1',
      'rtt under load ipv4 vm3 → vm1',
      'sockperf tcp 64 B ipv4 vm3 → vm1',
    ])
    for (const metric of metrics.flatMap((each) => each.metrics)) expect(metric.statistics.n).toBe(2)
    // one sample per repetition of UDP, both ways, and the load beneath the round trips
    expect(repetitions).toHaveLength(6)
    expect(await project.resultFile('summary.md')).toContain('| rtt under load ipv4 vm3 → vm1 | loaded p99 |')
    await expectAsBefore(lab, before)
  })
})
