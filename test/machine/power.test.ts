/** Power without a machine: what is done, in which order, and what is put back. */
import { describe, expect, test } from 'vitest'
import type { Hypervisor } from '../../src/machine/hypervisor.ts'
import { Power, type PoweredMachine, undoPower } from '../../src/machine/power.ts'
import { PutBacks } from '../../src/machine/put-back.ts'
import { metadataNamespace } from '../../src/transport/libvirt/documents.ts'
import { type FakeHost, fakeHost } from './fake-machine.ts'

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1qbKTvVgQyKPPcPZZ8Ygz6ZxZGoLnNYZx0o2h8p4W9'
const label = `<metadata><d:provisioned xmlns:d="${metadataNamespace}" environment="e" run="r" spec="s" host-key="${key}" origin="o"/></metadata>`

/** A domain with a guest in it that boots at once. `metadata` undefined: there is no domain. */
function world(metadata: string | undefined = label, defined = true) {
  const events: string[] = []
  let running = true
  let boot = 1
  const hypervisorSsh = fakeHost('hypervisor-1', (command) => {
    const asked = command.replace(/^.*qemu:\/\/\/system /, '')
    if (asked.startsWith('dumpxml'))
      return defined ? { stdout: `<domain><name>vm1</name>${metadata}<devices/></domain>` } : { exitCode: 1 }
    if (asked.includes('--state-running')) return { stdout: running ? 'vm1\n' : '' }
    if (asked.includes('--all')) return { stdout: defined ? 'vm1\n' : '' }
    if (asked.includes('boot_id')) return { stdout: 'boot-of-hypervisor\n' }
    events.push(asked)
    if (asked.startsWith('destroy')) running = false
    if (asked.startsWith('start')) [running, boot] = [true, boot + 1]
    return {}
  })
  let connected = true
  const guest: FakeHost = fakeHost('vm1', (command) => {
    if (command.includes('boot_id')) return { stdout: defined ? `boot-${boot}\n` : 'boot-of-hypervisor\n' }
    events.push(command.includes('poweroff') ? 'poweroff' : 'reboot')
    if (command.includes('poweroff')) running = false
    else boot += 1
    return {}
  })
  const putBacks = new PutBacks()
  const vm: PoweredMachine = {
    name: 'vm1',
    hypervisor: { name: 'hypervisor-1', ssh: hypervisorSsh },
    address: { name: 'vm1', address: '10.0.0.2', port: 22, user: 'root', keyFile: '/k', hostKey: key },
    ssh: Object.assign(guest, {
      close: async () => {
        connected = false
      },
    }),
    get connected() {
      return connected
    },
    bootTimeoutMs: 2000,
    putBacks,
    recordChange: async (what) => {
      events.push(`record ${what}`)
      return { done: async () => void events.push('done') }
    },
    afterBoot: async () => void events.push(`ready ${boot}`),
    reconnect: async () => {
      connected = true
      return guest
    },
  }
  return { vm, power: new Power(vm), events, putBacks, hypervisor: vm.hypervisor as unknown as Hypervisor }
}

const record = 'record vm1: its power, which a test switched off'

describe('a domain of ours', () => {
  test('crashes once, and is on again when its test ends', async () => {
    const { power, events, putBacks } = world()
    await power.crash()
    await power.crash()
    expect(events).toEqual([record, 'destroy --domain vm1'])
    await putBacks.run()
    expect(events.slice(2)).toEqual(['start --domain vm1', 'ready 2', 'done'])
    await power.start()
    expect(events).toHaveLength(5)
  })

  test('shuts down from within, once; a start puts back what was to be put back', async () => {
    const { power, events, putBacks } = world()
    await power.shutdown()
    await power.shutdown()
    expect(events).toEqual([record, 'poweroff'])
    await power.start()
    await putBacks.run()
    expect(events.slice(2)).toEqual(['start --domain vm1', 'ready 2', 'done'])
  })

  test('reboots with the proof of another boot, also from off', async () => {
    const { power, events } = world()
    expect(await power.reboot()).toMatchObject({ bootIdBefore: 'boot-1', bootIdAfter: 'boot-2' })
    expect(events).toEqual(['reboot', 'ready 2'])
    await power.crash()
    expect(await power.reboot()).toMatchObject({ bootIdBefore: 'boot-2', bootIdAfter: 'boot-3' })
  })

  test('does what it is told at once in the order in which it is told', async () => {
    const { power, events } = world()
    await Promise.all([power.crash(), power.start(), power.start()])
    expect(events).toEqual([record, 'destroy --domain vm1', 'start --domain vm1', 'ready 2', 'done'])
  })
})

describe('what is not ours', () => {
  test('is not touched', async () => {
    const { power, events } = world('')
    for (const operation of ['start', 'shutdown', 'crash', 'reboot'] as const)
      await expect(power[operation]()).rejects.toThrow('not made by dpbench')
    expect(events).toEqual([])
  })

  test('is said to be no domain, and to share its kernel', async () => {
    const { power, events } = world(undefined, false)
    await expect(power.crash()).rejects.toThrow(/^vm1 is no libvirt domain on hypervisor-1 .*no power/)
    await expect(power.reboot()).rejects.toThrow(/^vm1 shares the kernel of hypervisor-1/)
    expect(events).toEqual([])
  })

  test('stays as it is after a killed run', async () => {
    const guest = {
      name: 'vm1',
      address: '10.0.0.2',
      port: 22,
      user: 'root',
      keyFile: '/k',
      hostKey: key,
      sudo: false,
    }
    const undo = { kind: 'power', guest, bootTimeoutMs: 1000 }
    const foreign = world('')
    expect(await undoPower(foreign.hypervisor, undo)).toMatch(/not made by dpbench/)
    const gone = world(undefined, false)
    expect(await undoPower(gone.hypervisor, undo)).toMatch(/no domain of hypervisor-1 any more/)
    const runs = world()
    expect(await undoPower(runs.hypervisor, undo)).toBeUndefined()
    expect([foreign.events, gone.events, runs.events]).toEqual([[], [], []])
  })
})
