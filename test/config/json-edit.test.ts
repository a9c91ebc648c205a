/** A number of a config is changed, and nothing else of the text. */
import { describe, expect, test } from 'vitest'
import { type NumberEdit, editNumbers } from '../../src/config/json-edit.ts'

const local = (value: number): NumberEdit => ({ path: ['expected_throughput', 'hw', 'local_vm2vm'], value })

describe('a number that is there', () => {
  test.each([
    [
      'pretty',
      '{\n  "expected_throughput": {\n    "hw": {\n      "local_vm2vm": 20,\n      "lb": 1\n    }\n  }\n}\n',
    ],
    ['on one line', '{"a":[1,{"b":"}"}],"expected_throughput":{"hw":{"local_vm2vm":20}}}'],
    [
      'with tabs, CRLF and a BOM',
      '\uFEFF{\r\n\t"expected_throughput" : {\r\n\t\t"hw":\t{ "local_vm2vm" :  20 }\r\n\t}\r\n}',
    ],
    [
      'after a look-alike in text',
      '{ "x": "\\"local_vm2vm\\": 20,", "expected_throughput": { "hw": { "local_vm2vm": 20 } } }',
    ],
    ['whose key is written otherwise', '{ "expected_throughput": { "hw": { "local\\u005fvm2vm": 20 } } }'],
  ])('%s', (_, text) => {
    const at = text.lastIndexOf('20')
    expect(editNumbers(text, [local(9.41)])).toBe(`${text.slice(0, at)}9.41${text.slice(at + 2)}`)
  })

  test('of the config that is meant, in a file that holds several', () => {
    const text = '{ "environments": [ { "name": "a", "n": 1 }, { "name": "b", "n": 1 } ] }'
    expect(editNumbers(text, [{ path: ['environments', 1, 'n'], value: 2 }])).toBe(
      '{ "environments": [ { "name": "a", "n": 1 }, { "name": "b", "n": 2 } ] }',
    )
  })
})

describe('a number that is not there becomes the last of its object', () => {
  test.each([
    [
      '{\n  "hw": {\n    "lb": 1\n  }\n}\n',
      ['hw', 'nat'],
      '{\n  "hw": {\n    "lb": 1,\n    "nat": 5\n  }\n}\n',
    ],
    ['{\n\t"hw": {}\n}\n', ['hw', 'nat'], '{\n\t"hw": {\n\t\t"nat": 5\n\t}\n}\n'],
    ['{\r\n  "a": 1\r\n}', ['hw', 'nat'], '{\r\n  "a": 1,\r\n  "hw": {\r\n    "nat": 5\r\n  }\r\n}'],
    ['{"hw": {"lb":1,"x":2}}', ['hw', 'nat'], '{"hw": {"lb":1,"x":2,"nat": 5}}'],
    ['{ "hw": { "lb": 1 } }', ['hw', 'nat'], '{ "hw": { "lb": 1, "nat": 5 } }'],
    ['{ "sw": {} }', ['hw', 'nat'], '{ "sw": {}, "hw": { "nat": 5 } }'],
    [
      '{\n  "hw": { "lb": 1 },\n  "z": []\n}',
      ['hw', 'nat'],
      '{\n  "hw": { "lb": 1, "nat": 5 },\n  "z": []\n}',
    ],
  ])('%j', (text, path, wanted) => {
    const edited = editNumbers(text, [{ path, value: 5 }])
    expect(edited).toBe(wanted)
    expect(JSON.parse(edited)).toMatchObject({ hw: { nat: 5 } })
  })

  test('one after the other', () => {
    const edits = ['local_vm2vm', 'remote_vm2vm'].map((key, index) => ({
      path: ['hw', key],
      value: index + 1,
    }))
    expect(editNumbers('{\n  "hw": {}\n}', edits)).toBe(
      '{\n  "hw": {\n    "local_vm2vm": 1,\n    "remote_vm2vm": 2\n  }\n}',
    )
  })

  test('but not in what is no object', () => {
    expect(() => editNumbers('{ "hw": 5 }', [{ path: ['hw', 'nat'], value: 5 }])).toThrow(TypeError)
  })
})
