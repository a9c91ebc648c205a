/** When flows fit through a network function, and how it is known that they came through it. */
import { describe, expect, test } from 'vitest'
import { bypassFaults, misfit, openState, requireFit, withFaults } from '../../src/vitest/through.ts'
import type { Through } from '../../src/vitest/through.ts'
import { alignFlows } from '../../src/traffic/iperf3/window.ts'
import { invalidReasons } from '../../src/verdict/validity.ts'
import { madeFlow } from '../traffic/fixtures.ts'
import { profile } from '../verdict/fixtures.ts'

const stateless = { check: async () => undefined, reset: async () => undefined }
const nat: Through = {
  name: 'the NAT 10.10.20.20 of vm3 (ports 10240 to 10244)',
  threshold: 'nat',
  capacity: 4,
  source: { address: '10.10.20.20', ports: [10240, 10244] },
  ...stateless,
}
const balancer: Through = {
  name: 'the load balancer lb',
  threshold: 'lb',
  address: '10.20.30.30',
  ports: [5201, 50007],
  ...stateless,
}

describe('fit', () => {
  test('each flow of iperf3 needs two connections', () => {
    expect(misfit(nat, 2)).toBeUndefined()
    expect(misfit(nat, 3)).toBe(
      'the NAT 10.10.20.20 of vm3 (ports 10240 to 10244) holds 4 connections, and 3 flows of iperf3 need 6, ' +
        'a control and a data connection each: widen its "ports"',
    )
    expect(misfit({ ...nat, capacity: 1 }, 1)).toContain('holds 1 connection, and 1 flow of iperf3 needs 2')
    expect(() => requireFit(nat, 3)).toThrow('3 flows of iperf3 need 6')
    expect(() => requireFit(undefined, 300)).not.toThrow()
  })

  test('each flow has a port of its own, which the load balancer must pass', () => {
    expect(misfit(balancer, 1)).toBeUndefined()
    expect(misfit(balancer, 3)).toBe(
      'the load balancer lb passes TCP ports 5201, 50007, and 3 flows of iperf3 need 5202, 5203 too: add TCP/5202,TCP/5203',
    )
    expect(misfit({ name: 'lb', ports: [] }, 1)).toContain('passes TCP ports none')
  })
})

describe('what the receiver saw', () => {
  const flow = madeFlow('flow 1', { startMs: 0, received: [1, 1, 1] })
  const seen = (local: string, remote: string, port: number): typeof flow => {
    const { output } = flow.server
    if (output.state !== 'complete') throw new Error('made faulty')
    const connections = [{ local: { host: local, port: 5201 }, remote: { host: remote, port } }]
    return { ...flow, server: { ...flow.server, output: { ...output, run: { ...output.run, connections } } } }
  }

  test('the address and a port of the NAT', () => {
    expect(bypassFaults(nat, seen('10.200.1.4', '10.10.20.20', 10241))).toEqual([])
    expect(bypassFaults(nat, seen('10.200.1.4', '10.200.2.4', 45678))[0]).toMatch(
      /did not come through the NAT .* vm1 saw it come from 10\.200\.2\.4 port 45678, not from 10\.10\.20\.20/,
    )
    expect(bypassFaults(nat, seen('10.200.1.4', '10.10.20.20', 45678))).toHaveLength(1)
  })

  test('the address of the load balancer', () => {
    expect(bypassFaults(balancer, seen('10.20.30.30', '10.200.1.4', 45678))).toEqual([])
    expect(bypassFaults(balancer, seen('10.200.2.4', '10.200.1.4', 45678))[0]).toMatch(
      /vm1 took it at 10\.200\.2\.4, not at 10\.20\.30\.30/,
    )
    const ipv6 = { ...balancer, address: '2001:DB8:0:0::30' }
    expect(bypassFaults(ipv6, seen('2001:db8::30', '2001:db8::1', 45678))).toEqual([])
  })

  test('a flow that went past it makes the sample invalid', () => {
    const input = seen('10.200.1.4', '10.200.2.4', 45678)
    const plan = { warmUpSeconds: 1, keptSeconds: 1, warmDownSeconds: 1 }
    const flows = withFaults(alignFlows([input], plan), [bypassFaults(nat, input)])
    const provenance = { repetition: 1, startedAt: '', tool: 'iperf3', flowsAsked: 1 }
    expect(invalidReasons({ ...provenance, ...flows }, { profile }).map(({ rule }) => rule)).toEqual([
      'flow-error',
    ])
  })
})

test('the state is made anew, then looked at', async () => {
  const calls: string[] = []
  const recording = {
    ...nat,
    reset: async () => void calls.push('reset'),
    check: async () => void calls.push('check'),
  }
  await openState(recording)
  expect(calls).toEqual(['reset', 'check'])
})
