/** What the timeline of a run in both modes must have, and must not have. */
import { expect } from 'vitest'
import type { RunRecord } from '../../../src/report/record.ts'
import type { EditableConfig } from './project.ts'

const hidden = ['e2e-hidden-password', '$6$e2ehidden$abcdefghijklmnop']

/** Secrets in places where a run meets them: a container's environment is read at every look at it. */
export function withHiddenValues(config: EditableConfig): void {
  for (const hypervisor of config.hypervisors) {
    const { dpservice } = hypervisor
    dpservice.environment = { ...dpservice.environment, LICENCE_PASSWORD: hidden[0], LICENCE: hidden[1] }
  }
}

export function expectTimeline({ steps, startedAt, finishedAt, tests }: RunRecord, json: string): void {
  for (const mode of ['offload', 'non-offload']) {
    const found = (machine: string, name: RegExp, test?: string): RunRecord['steps'] =>
      steps.filter(
        (step) =>
          step.mode === mode && step.machine === machine && name.test(step.name) && step.test?.name === test,
      )
    for (const hypervisor of ['hypervisor-1', 'hypervisor-2']) {
      const [created] = found(hypervisor, /^POST \/containers\/create\?name=dpservice_/)
      expect(created, hypervisor).toMatchObject({ kind: 'docker', outcome: 'ok' })
      expect(created?.output).toMatch(/"Id":"[0-9a-f]{64}"/)
      const [init] = found(hypervisor, /^docker exec [0-9a-f]{12} dpservice-cli -o json init$/)
      expect(init, hypervisor).toMatchObject({ kind: 'command', outcome: 'ok', exitStatus: 0 })
      expect(init?.output).toContain('"uuid"')
    }
    const test = 'IPv4 between hypervisors'
    const clients = found('vm3', /^iperf3 -4 -c /, test)
    const servers = found('vm1', /^iperf3 -s -1 -J /, test)
    expect(clients.length).toBeGreaterThanOrEqual(2) // repetitions
    expect(servers).toHaveLength(clients.length)
    for (const step of [...clients, ...servers]) {
      expect(step).toMatchObject({ kind: 'command', outcome: 'ok' })
      expect(step.durationMs).toBeGreaterThan(3900) // the shortest window of these tests, 4 s
      expect(step.output).toContain('"start"')
    }
    const phases = steps.filter(({ kind, mode: of }) => kind === 'phase' && of === mode)
    for (const name of [
      /^open the/,
      /^deploy/,
      /^prepare/,
      /^pre-flight/,
      /^repetition 2/,
      /^put every/,
      /^close/,
    ])
      expect(
        phases.some((phase) => name.test(phase.name) && phase.outcome === 'ok'),
        String(name),
      ).toBe(true)
  }
  const outside = steps.filter((step) => step.startedAt < startedAt || step.startedAt > finishedAt!)
  expect(outside).toEqual([])
  expect(new Set(steps.map(({ test }) => test?.name))).toEqual(
    new Set([undefined, ...tests.map(({ name }) => name)]),
  )
  for (const value of hidden) expect(json.includes(value), value).toBe(false)
  expect(json.length).toBeLessThan(2_000_000)
}
