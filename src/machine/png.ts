/** Pictures of screens: QEMU's PPM read, enlarged for reading, and written as PNG (RFC 2083) by Node's own zlib. */
import { crc32, deflateSync } from 'node:zlib'
import { MachineError } from '../core/errors.ts'

/** Three bytes per pixel, red, green, blue; rows from the top. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly pixels: Buffer
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

export function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, signature.length).equals(signature)
}

/** Reads a binary PPM with 8 bits per colour, as QEMU writes it. @throws MachineError for anything else */
export function parsePpm(bytes: Buffer): Picture {
  const head = /^P6(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s/.exec(
    bytes.subarray(0, 512).toString('latin1'),
  )
  if (!head) throw new MachineError('the screenshot is neither a PNG nor a binary PPM')
  const [width, height, most] = head.slice(1).map(Number) as [number, number, number]
  const pixels = bytes.subarray(head[0].length)
  if (most !== 255 || width === 0 || height === 0 || pixels.length !== width * height * 3)
    throw new MachineError(
      `the screenshot is damaged: ${width}×${height} with ${most + 1} shades in ${pixels.length} bytes`,
    )
  return { width, height, pixels }
}

/** Each pixel `times` as wide and high: small letters are not recognised. `inverted`: dark on light. */
export function enlarged({ width, height, pixels }: Picture, times: number, inverted = false): Picture {
  const rowBytes = width * times * 3
  const target = Buffer.alloc(rowBytes * height * times)
  for (let y = 0; y < height; y++) {
    const row = target.subarray(y * times * rowBytes, (y * times + 1) * rowBytes)
    for (let x = 0; x < width * times; x++) {
      const from = (y * width + Math.floor(x / times)) * 3
      for (let color = 0; color < 3; color++)
        row[x * 3 + color] = inverted ? 255 - pixels[from + color]! : pixels[from + color]!
    }
    for (let copy = 1; copy < times; copy++) row.copy(target, (y * times + copy) * rowBytes)
  }
  return { width: width * times, height: height * times, pixels: target }
}

export function encodePng({ width, height, pixels }: Picture): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8) // 8 bits, RGB, deflate, no filter method but the one, not interlaced
  const rows = Buffer.alloc((width * 3 + 1) * height) // each row begins with its filter: 0, none
  for (let y = 0; y < height; y++)
    pixels.copy(rows, y * (width * 3 + 1) + 1, y * width * 3, (y + 1) * width * 3)
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(named.length + 8)
  framed.writeUInt32BE(data.length, 0)
  named.copy(framed, 4)
  framed.writeUInt32BE(crc32(named), named.length + 4)
  return framed
}
