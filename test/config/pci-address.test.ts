import { expect, test } from 'vitest'
import { formatPciAddress, parsePciAddress, virtualFunctionAddress } from '../../src/config/pci-address.ts'

function vf(text: string, offset: number, stride: number): string {
  const address = parsePciAddress(text)
  if (!address) throw new Error(text)
  return formatPciAddress(virtualFunctionAddress(address, { offset, stride }))
}

// routing id = PF + offset + stride × index, read as bus:device.function
test.each([
  ['0000:8a:00.0_representor_vf0', 2, 1, '0000:8a:00.2'],
  ['0000:8a:00.0_representor_vf5', 2, 1, '0000:8a:00.7'],
  ['0000:8a:00.0_representor_vf6', 2, 1, '0000:8a:01.0'],
  ['0000:8a:00.0_representor_vf125', 2, 1, '0000:8a:0f.7'],
  ['0000:8a:00.1_representor_vf0', 127, 1, '0000:8a:10.0'],
  ['0000:8a:00.0_representor_vf1', 128, 2, '0000:8a:10.2'],
  ['8a:1f.7_representor_vf0', 1, 1, '0000:8b:00.0'],
  ['0001:3b:00.0_representor_vf3', 256, 1, '0001:3c:00.3'],
])('%s with offset %i and stride %i is %s', (text, offset, stride, expected) => {
  expect(vf(text, offset, stride)).toBe(expected)
})

test('a VF beyond the last bus', () => {
  expect(() => vf('0000:ff:1f.7_representor_vf1', 2, 1)).toThrow('beyond the last PCI bus')
})

test.each(['0000:8a:00.0', '0000:8a:00.8_representor_vf0', '0000:8a:20.0_representor_vf0', 'net_tap2', ''])(
  '%j is none',
  (text) => {
    expect(parsePciAddress(text)).toBeUndefined()
  },
)
