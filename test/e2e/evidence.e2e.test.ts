/** A data plane that runs in another mode than it was asked for is caught, and a run that fails leaves the logs that say why. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { type EditableConfig, Project } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

const wrapper = '/run/dpbench-wrapper'
const daemon = 'exec node /usr/lib/softplane/daemon/main.ts "$@"'

/** What the container of softplane can be asked, by the program that it has for it; and a failure. */
const telemetry = `
import { expect, test } from 'dpbench'
import { execInContainer } from '${join(import.meta.dirname, '../../src/transport/docker/exec.ts')}'
import { parseReplies, telemetryCommand } from '${join(import.meta.dirname, '../../src/dataplane/dpservice/telemetry-script.ts')}'

test('telemetry inside the container', async ({ hypervisor }) => {
  const { name, docker } = hypervisor['hypervisor-1']
  const container = docker.getContainer('dpservice_' + name)
  const socket = (await execInContainer(name, container, ['sh', '-c', 'echo /var/run/dpdk/*/dpdk_telemetry.v2'])).stdout.trim()
  const requests = ['/', '/ethdev/list', '/ethdev/info,2', '/ethdev/stats,2', '/ethdev/stats,0', '/dp_service/graph/obj_count', '/ethdev/info,99', '/x']
  const { stdout, stderr, exitCode } = await execInContainer(name, container, telemetryCommand(socket, requests))
  expect([stderr, exitCode]).toEqual(['', 0])
  const replies = parseReplies(stdout).filter((reply) => !('max_output_len' in reply))
  expect(replies).toEqual([
    { '/': expect.arrayContaining(['/dp_service/graph/obj_count', '/ethdev/stats']) },
    { '/ethdev/list': [0, 1, 2, 3] },
    { '/ethdev/info': expect.objectContaining({ name: 'net_tap2', port_id: 2 }) },
    { '/ethdev/stats': expect.objectContaining({ ipackets: expect.any(Number), obytes: expect.any(Number) }) },
    { '/ethdev/stats': expect.objectContaining({ ipackets: expect.any(Number) }) },
    { '/dp_service/graph/obj_count': { Node_0_to_255: expect.objectContaining({ 'rx-2-0': expect.any(Number), 'tx-2': expect.any(Number) }) } },
    { '/ethdev/info': null },
    { '/x': null },
  ])
  throw new Error('fails on purpose')
})
`

describe.skipIf(whyNoLab.length > 0)('evidence of a run', { timeout: 360_000 }, () => {
  const lab = useLab()

  /** Starts the daemon on these hypervisors by another script. */
  async function wrapped(script: string, hypervisors: readonly string[]): Promise<Project> {
    for (const each of hypervisors) {
      await lab.shell(each, `printf '#!/bin/sh\\n%s\\n' '${script}' > ${wrapper}; chmod 755 ${wrapper}`)
      onTestFinished(async () => void (await lab.shell(each, `rm -f ${wrapper}`)))
    }
    return Project.create(lab, {
      edit: (config: EditableConfig) => {
        for (const { machine_name, dpservice } of config.hypervisors)
          if (hypervisors.includes(machine_name)) dpservice.mounts = [`${wrapper}:/usr/bin/dpservice-bin:ro`]
      },
    })
  }

  test('one hypervisor that does not offload makes offload INVALID: exit 3', async () => {
    const project = await wrapped(`set -- "$@" --no-offload; ${daemon}`, ['hypervisor-2'])
    const { status, text } = await project.run('--mode', 'offload', '-t', 'IPv4 between hypervisors')
    expect(text).toMatch(
      /INVALID: .*repetition 1: mode offload disproven: of [\d,]+ packets the software path handled (9\d\.\d|100\.0) % taken from vm3 on hypervisor-2/,
    )
    expect(status).toBe(3)
    const { tests } = await project.record()
    const judged = tests.find(({ result }) => result.state === 'judged')
    expect(judged?.repetitions).toHaveLength(1)
    expect(judged?.repetitions[0]?.modeEvidence).toMatchObject({ state: 'disproven' })
  })

  test('a data plane that offloads makes non-offload INVALID: exit 3', async () => {
    const script = `for a; do shift; [ "$a" = --no-offload ] || set -- "$@" "$a"; done; ${daemon}`
    const project = await wrapped(script, ['hypervisor-1'])
    const { status, text } = await project.run('--mode', 'non-offload', '-t', 'IPv6 on one hypervisor')
    expect(text).toMatch(/INVALID: .*mode non-offload disproven: .*; 90\.0 % is the least/)
    expect(status).toBe(3)
  })

  test('without telemetry the mode is not proven, which a site can make INVALID', async () => {
    const project = await Project.create(lab, {
      edit: (config: EditableConfig) => {
        config.measurement.on_unproven_mode = 'invalid'
        for (const { dpservice } of config.hypervisors) dpservice.eal_arguments.push('--no-telemetry')
      },
    })
    const { status, text } = await project.run('--mode', 'offload', '-t', 'IPv4 on one hypervisor')
    expect(text).toMatch(/INVALID: .*mode offload not proven: dpservice on hypervisor-1: .*--no-telemetry/)
    expect(status).toBe(3)
  })

  test('the socket answers in the container too; logs are named after a failure, and are for their owner alone', async () => {
    const project = await Project.create(lab, { suites: { 'telemetry.test.ts': telemetry } })
    const before = await lab.snapshot()
    const { status, text } = await project.run('--mode', 'non-offload', '--tag', 'kept')
    expect(text).toContain('fails on purpose')
    expect(text).not.toMatch(/AssertionError|not kept/)
    expect(status).toBe(3)
    const { logs } = await project.record()
    const files = [
      'hypervisor-1.data-plane',
      'hypervisor-2.data-plane',
      'vm1.journal',
      'vm2.journal',
      'vm3.journal',
    ]
    expect(logs.map(({ file }) => file)).toEqual(files.map((file) => `logs/non-offload/${file}.log`))
    for (const { file } of logs) expect(text).toContain(`results/kept/${file}: `)
    const log = await readFile(join(project.results, logs[0]!.file), 'utf8')
    expect(log).toMatch(/service ready .*offload: false[^]*CreateInterface[^]*stopping/)
    expect(await readFile(join(project.results, logs[2]!.file), 'utf8')).toContain('== no journal')
    await expectAsBefore(lab, before)
  })

  test('a set-up that fails leaves the log of the container that it removed', async () => {
    const edit = (config: EditableConfig): void => {
      config.hypervisors[1].dpservice.arguments.push('--dhcp-mtu=9999')
    }
    const project = await Project.create(lab, { edit })
    const { status, text } = await project.run('--mode', 'offload', '-t', 'IPv4 on one hypervisor')
    expect(status, text).toBe(3)
    const { logs } = await project.record()
    const own = logs.find(({ machine }) => machine === 'hypervisor-2')
    expect(text).toContain(own!.file)
    const log = await readFile(join(project.results, own!.file), 'utf8')
    expect(log).toMatch(/dpservice-bin: .*'9999' is not in range 68-1500/)
    expect(logs.map(({ machine }) => machine)).toEqual(['hypervisor-1', 'hypervisor-2', 'vm1', 'vm2', 'vm3'])
  })
})
