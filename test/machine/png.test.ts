import { inflateSync } from 'node:zlib'
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { encodePng, enlarged, isPng, parsePpm } from '../../src/machine/png.ts'

/** Two by two: red, green; blue, white. */
const pixels = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])
const ppm = Buffer.concat([Buffer.from('P6\n# by QEMU\n2 2\n255\n'), pixels])

/** The parts of a PNG, each checked against its sum. */
function chunks(png: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at)
    expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(png.subarray(at + 4, at + 8 + length)))
    found.set(png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  return found
}

test('a PPM becomes a PNG with the same pixels', () => {
  const png = encodePng(parsePpm(ppm))
  expect(isPng(png)).toBe(true)
  const parts = chunks(png)
  expect([...parts.keys()]).toEqual(['IHDR', 'IDAT', 'IEND'])
  expect([...parts.get('IHDR')!]).toEqual([0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0, 0, 0])
  expect([...inflateSync(parts.get('IDAT')!)]).toEqual([
    0,
    ...pixels.subarray(0, 6),
    0,
    ...pixels.subarray(6),
  ])
})

test('enlarged, each pixel is a square of itself, or of its opposite', () => {
  const twice = enlarged(parsePpm(ppm), 2)
  expect([twice.width, twice.height]).toEqual([4, 4])
  expect([...twice.pixels.subarray(12, 24)]).toEqual([255, 0, 0, 255, 0, 0, 0, 255, 0, 0, 255, 0])
  expect([...enlarged(parsePpm(ppm), 1, true).pixels]).toEqual([...pixels].map((shade) => 255 - shade))
})

test('what is no picture is refused', () => {
  expect(() => parsePpm(Buffer.from('GIF89a'))).toThrow('neither a PNG nor a binary PPM')
  expect(() => parsePpm(ppm.subarray(0, -1))).toThrow(
    'the screenshot is damaged: 2×2 with 256 shades in 11 bytes',
  )
})
