import { describe, expect, test } from 'vitest'
import { type MonitorEvent, guestEnd, monitorReader } from '../../../src/guest-run/launch/monitor-events.ts'

const left = { code: 0, signal: null, said: '' }
const shutdown = (reason: string): MonitorEvent => ({ event: 'SHUTDOWN', data: { guest: true, reason } })

describe('how a guest ended', () => {
  test.each([
    ['guest-shutdown', 'powered-off'],
    ['guest-reset', 'reset'],
    ['guest-panic', 'reset'],
  ])('%s is "%s"', (reason, how) => {
    expect(guestEnd([{ event: 'NIC_RX_FILTER_CHANGED' }, shutdown(reason)], left, false)).toEqual({ how })
  })

  test('a guest that switched itself off while it was being stopped has switched itself off', () => {
    expect(guestEnd([shutdown('guest-shutdown')], left, true)).toEqual({ how: 'powered-off' })
  })

  test('SIGTERM that we sent', () => {
    expect(guestEnd([shutdown('host-signal')], left, true)).toEqual({ how: 'stopped' })
    expect(guestEnd([], { code: null, signal: 'SIGKILL', said: '' }, true)).toEqual({ how: 'stopped' })
  })

  test('a signal that somebody else sent, with what QEMU said', () => {
    expect(
      guestEnd([shutdown('host-signal')], { ...left, said: 'terminating on signal 15\n' }, false),
    ).toEqual({
      how: 'died',
      detail: 'ended with status 0: terminating on signal 15',
    })
    expect(guestEnd([], { code: null, signal: 'SIGKILL', said: '' }, false)).toEqual({
      how: 'died',
      detail: 'was ended by SIGKILL',
    })
  })
})

test('events come in pieces, between answers', () => {
  const events: MonitorEvent[] = []
  const others: unknown[] = []
  const read = monitorReader(
    (event) => events.push(event),
    (message) => others.push(message),
  )
  for (const piece of [
    '{"QMP": {}}\r\n{"ret',
    'urn": {}}\r\n{"event": "SHUT',
    'DOWN", "data": {"reason": "guest-reset"}}\r\n',
  ])
    read(piece)
  expect(others).toEqual([{ QMP: {} }, { return: {} }])
  expect(events).toEqual([{ event: 'SHUTDOWN', data: { reason: 'guest-reset' } }])
})
