/** Builds the image that all later tests take from the cache: among the units, which leave the machine time for it. */
import { mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { capabilityFaults } from '../../lab/capable.ts'
import { buildGuestImage } from '../../lab/image/build.ts'

const build = () => buildGuestImage({ log: () => undefined })

test.skipIf(capabilityFaults().length > 0)(
  'the guest image is built once, and what a killed build left is removed',
  { timeout: 900_000 },
  async () => {
    const image = await build()
    const left = join(dirname(dirname(image.path)), 'building-999999')
    await mkdir(join(left, 'root'), { recursive: true })
    for (const again of await Promise.all([build(), build()]))
      expect(again).toEqual({ ...image, fromCache: true })
    expect((await readdir(dirname(left))).filter((name) => name.startsWith('building-'))).toEqual([])
  },
)
