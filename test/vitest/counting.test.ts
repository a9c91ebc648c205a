/** Counting on the machines of a measurement: which they are, what is told of a rest, and of a machine that cannot be counted on. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Hypervisor } from '../../src/machine/hypervisor.ts'
import type { VirtualMachine } from '../../src/machine/virtual-machine.ts'
import { LocalHost } from '../../src/transport/local-host.ts'
import { type CountedMachine, MeasurementCounting, machinesOf } from '../../src/vitest/counting.ts'

const ssh = new LocalHost()
const hypervisor = (name: string): Hypervisor => ({ name, ssh }) as unknown as Hypervisor
const [h1, h2] = [hypervisor('h1'), hypervisor('h2')]
const vm = (name: string, on: Hypervisor): VirtualMachine =>
  ({ name, ssh, hypervisor: on }) as unknown as VirtualMachine
const [vm1, vm2, vm3] = [vm('vm1', h1), vm('vm2', h1), vm('vm3', h2)]

const told = (machines: readonly CountedMachine[]): string[] =>
  machines.map(({ role, name, ends }) => `${role} ${name}: ${ends.join(', ')}`)

test('across hypervisors four machines, on one hypervisor three, each once with its ends', () => {
  expect(told(machinesOf(vm3, [vm1]))).toEqual([
    'guest vm3: sender',
    'guest vm1: receiver',
    'hypervisor h2: sender',
    'hypervisor h1: receiver',
  ])
  expect(told(machinesOf(vm1, [vm2]))).toEqual([
    'guest vm1: sender',
    'guest vm2: receiver',
    'hypervisor h1: sender, receiver',
  ])
  expect(told(machinesOf(vm1, [vm2, vm3]))).toEqual([
    'guest vm1: sender',
    'guest vm2: receiver',
    'guest vm3: receiver',
    'hypervisor h1: sender, receiver',
    'hypervisor h2: receiver',
  ])
})

test('a machine that cannot be counted on is said, and the others are counted', async () => {
  const deaf = { tryRun: () => ssh.tryRun(['sh', '-c', 'echo gone >&2']) }
  const machines: CountedMachine[] = [
    { name: 'vm1', role: 'guest', ends: ['sender'], ssh },
    { name: 'vm2', role: 'guest', ends: ['receiver'], ssh: deaf },
  ]
  const counting = new MeasurementCounting(machines, 1)
  const repetition = await counting.begin(AbortSignal.timeout(20_000))
  await delay(50)
  const { counters, countersMissing } = await repetition.end()
  expect(counters?.map(({ machine }) => machine)).toEqual(['vm1'])
  expect(countersMissing).toEqual(['vm2: its counters cannot be read: gone'])
  await repetition.stop()
})

test('from the second repetition on it is told how busy the cores were at rest', async () => {
  const counting = new MeasurementCounting([{ name: 'vm1', role: 'guest', ends: [], ssh }], 1)
  let [begunAt, endedAt] = [0, 0]
  const once = async (): Promise<(number | undefined)[]> => {
    const repetition = await counting.begin(AbortSignal.timeout(20_000))
    begunAt = performance.now()
    await delay(60)
    endedAt = performance.now()
    const { counters = [] } = await repetition.end()
    return counters[0]!.cores.map(({ busyAtRest }) => busyAtRest)
  }
  expect((await once()).every((rest) => rest === undefined)).toBe(true)
  await delay(700)
  for (const rest of await once()) {
    expect(rest).toBeGreaterThanOrEqual(0)
    expect(rest).toBeLessThanOrEqual(1)
  }
  // too short a rest tells nothing; on a busy machine beginning alone can take long enough
  const secondEndedAt = endedAt
  const rests = await once()
  if (begunAt - secondEndedAt < 500) expect(rests.every((rest) => rest === undefined)).toBe(true)
})
