import { expect, test } from 'vitest'
import { chord, pressed } from '../../src/machine/keys.ts'
import { hmpAnswer, parseMonitorLine, qmpAnswer } from '../../src/machine/monitor.ts'
import { parseEvent } from '../../src/machine/qemu-events.ts'
import { windowNames } from '../../src/machine/windows.ts'

test.for([
  ['ctrl-alt-delete', 'KEY_LEFTCTRL KEY_LEFTALT KEY_DELETE'],
  ['ctrl+C', 'KEY_LEFTCTRL KEY_C'],
  ['alt-f2', 'KEY_LEFTALT KEY_F2'],
  ['ret', 'KEY_ENTER'],
  ['pgup', 'KEY_PAGEUP'],
  ['-', 'KEY_MINUS'],
  ['shift-minus', 'KEY_LEFTSHIFT KEY_MINUS'],
  ['KEY_POWER', 'KEY_POWER'],
  ['meta_l-KEY_E', 'KEY_LEFTMETA KEY_E'],
])('%s is %s', ([text, keys]) => {
  expect(chord(text!).join(' ')).toBe(keys)
})

test('a key that there is not is named, with the nearest', () => {
  expect(() => chord('ctrl-alt-delte')).toThrow(
    'there is no key "delte" (in "ctrl-alt-delte"): did you mean delete?',
  )
  expect(() => pressed('ß')).toThrow('a US keyboard has no key for "ß"')
})

test('every printable ASCII character has its key', () => {
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCodePoint(32 + index))
  const keys = printable.map((character) => pressed(character).join(' '))
  expect(new Set(keys).size).toBe(95)
  expect(['a', 'A', '"', '\\', '~'].map((one) => pressed(one).join(' '))).toEqual([
    'KEY_A',
    'KEY_LEFTSHIFT KEY_A',
    'KEY_LEFTSHIFT KEY_APOSTROPHE',
    'KEY_BACKSLASH',
    'KEY_LEFTSHIFT KEY_GRAVE',
  ])
})

test.for([
  "unknown command: 'bogus'\r\n",
  "Error: Device 'nix' not found\r\n",
  'sendkey: string expected\r\nTry "help sendkey" for more information\r\n',
])('HMP that refuses: %j', (said) => {
  expect(() => hmpAnswer('vm1', 'x', said)).toThrow(/^vm1: QEMU's monitor refuses "x": /)
})

test('answers of both languages', () => {
  expect(hmpAnswer('vm1', 'info status', 'VM status: running\r\n\r\n')).toBe('VM status: running')
  expect(
    qmpAnswer('vm1', { execute: 'query-status' }, '{"return":{"running":true},"id":"libvirt-9"}'),
  ).toEqual({ running: true })
  const refused =
    '{"id":"libvirt-414","error":{"class":"CommandNotFound","desc":"The command bogus has not been found"}}'
  expect(() => qmpAnswer('vm1', { execute: 'bogus' }, refused)).toThrow(
    'vm1: QMP bogus was refused: The command bogus has not been found (CommandNotFound)',
  )
  expect(parseMonitorLine(' info status ')).toBe('info status')
  expect(parseMonitorLine('{"execute": "stop"}')).toEqual({ execute: 'stop' })
  expect(() => parseMonitorLine('{"execute": ')).toThrow('not JSON')
  expect(() => parseMonitorLine('{}')).toThrow('a QMP command has a name')
})

test('events as virsh prints them', () => {
  expect(parseEvent("event STOP at 1732193087.408263 for domain 'vm1': <null>")).toEqual({
    event: 'STOP',
    data: {},
  })
  expect(
    parseEvent(
      `event SHUTDOWN at 1732193087.408263 for domain 'a: b': {"guest":true,"reason":"guest-shutdown"}`,
    ),
  ).toEqual({ event: 'SHUTDOWN', data: { guest: true, reason: 'guest-shutdown' } })
  expect(parseEvent('event loop interrupted')).toBeUndefined()
})

test('windows as xwininfo prints them', () => {
  const tree = `
xwininfo: Window id: 0x50d (the root window) (has no name)

  Root window id: 0x50d (the root window) (has no name)
  Parent window id: 0x0 (none)
     3 children:
     0x600003 "root@vm1: ~": ("xterm" "XTerm")  484x316+0+0  +10+20
        1 child:
        0x60000e (has no name): ()  484x316+0+0  +0+0
     0x800001 "a "quoted" one": ()  10x10+-100+-100  +-100+-100
`
  expect(windowNames(tree)).toEqual(['root@vm1: ~', 'a "quoted" one'])
})
