/** The disk image of the VMs to two hypervisors: once to each, without holes, against `scp` of the raw file for each VM. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import type { LabDescription } from '../../lab/lab.ts'
import { shell } from '../../src/core/shell-quote.ts'
import { runLocally } from '../../src/core/local-command.ts'
import { together } from '../../src/core/together.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import { type DiskImage, inspectImage } from '../../provision/disk-image.ts'
import { compressions } from '../../provision/compress.ts'
import { Packer } from '../../provision/pack.ts'
import { imagePlaces, partialNameOf } from '../../provision/places.ts'
import { shipImage } from '../../provision/ship.ts'
import { addressOf, sshConfig } from '../by-hand.ts'
import { makeSparseImage } from '../sparse-image.ts'
import { type Part, type Prepared, seconds, timesFaster } from '../part.ts'
import type { Stage } from '../stage.ts'
import { atOneGigabit, mostSent } from '../wire.ts'

/** Where both put it: the libvirt folder of a hypervisor of the lab lies on its own disk. */
const folder = '/var/lib/libvirt/images/bench-self'
/** A login, a question and its answer; no byte of the image. */
const aQuestion = 32 * 1024

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'disk-image',
    what: 'image to 2 hypervisors with 3 VMs (1.5 GB raw, a third not holes), at 1 Gbit/s',
    against: '`scp` of the raw file once per VM',
    unit: 's',
    rounds: 3,
    reach: timesFaster(5),
    prepare: (stage) => prepare(stage, atOneGigabit),
  },
  {
    kind: 'row',
    name: 'disk-image-unlimited',
    what: 'the same image inside one machine, as fast as its cores copy',
    against: '`scp` of the raw file once per VM',
    unit: 's',
    rounds: 3,
    reach: timesFaster(5),
    prepare: (stage) => prepare(stage, async () => undefined),
  },
]

async function prepare(
  stage: Stage,
  shape: (stage: Stage, lab: LabDescription) => Promise<void>,
): Promise<Prepared> {
  const { signal } = stage
  const lab = await stage.lab({ guests: 'qemu', hypervisors: 2, dataplane: 'none' })
  const hosts = await together(
    lab.hypervisors.map(async (each) => stage.own.use(await connectHost(addressOf(lab, each), { signal }))),
  )
  const config = await sshConfig(stage, lab)
  const empty = async (): Promise<void> => {
    const script = 'rm -rf -- "$1" && mkdir -p -m 0711 -- "$1"'
    await together(hosts.map((host) => host.run(shell(script, folder), { signal })))
  }
  stage.own.defer(() => together(hosts.map((host) => host.run(['rm', '-rf', '--', folder]))))
  await shape(stage, lab)
  const scratch = await stage.folder()
  const path = join(scratch, 'guest.raw')
  await makeSparseImage(path, signal)
  const image = await inspectImage(path, signal)
  const compressed = await compressedBytes(image)
  // as a provisioning does it: looks at the image, connects, packs, ships to both at once
  const provisionImage = async (): Promise<void> => {
    const looked = await inspectImage(path, signal)
    const runId = 'bench'
    await using packer = new Packer(looked, `${scratch}/ship`, partialNameOf(looked, runId), signal)
    const run = { image: looked, packer, signal, progress: { say: () => undefined, update: () => undefined } }
    await together(
      lab.hypervisors.map(async (each) => {
        await using host = await connectHost(addressOf(lab, each), { signal })
        await shipImage(run, host, imagePlaces(folder, looked, runId), compressions[0]!)
      }),
    )
  }
  const sent: number[] = []
  const copies = [
    ['hypervisor-1', 'vm1'],
    ['hypervisor-1', 'vm2'],
    ['hypervisor-2', 'vm3'],
  ] as const
  return {
    async ours() {
      await empty()
      let took = 0
      sent.push(await mostSent(lab, async () => (took = await seconds(provisionImage))))
      return took
    },
    async peer() {
      await empty()
      return seconds(async () => {
        for (const [host, vm] of copies)
          await runLocally(['scp', '-q', '-F', config, path, `${host}:${folder}/${vm}.raw`], {
            signal,
            timeoutMs: 900_000,
          })
      })
    },
    async checks() {
      await empty()
      await provisionImage()
      const again = await mostSent(lab, provisionImage)
      return [
        {
          name: 'on the wire per hypervisor, frames and all (1.1 × the compressed content)',
          value: Math.max(...sent),
          unit: 'bytes',
          limit: Math.round(1.1 * compressed),
        },
        {
          name: 'on the wire when it is there already: a login and a question, nothing of the image',
          value: again,
          unit: 'bytes',
          limit: aQuestion,
        },
      ]
    },
    notes: [
      `the image holds files of a Debian's /usr, as a guest's does, in pieces of 8 MiB between holes of 16 MiB: ${mega(image.size)} MB, ${mega(image.dataBytes)} MB not holes, ` +
        `which Node's zstd compresses to ${mega(compressed)} MB. From the first look at the file to the hash that was checked on arrival; against it, \`scp\` checks nothing.`,
    ],
  }
}

const mega = (bytes: number): string => (bytes / 1e6).toFixed(0)

/** What the non-hole content comes to in one zstd stream with nothing around it. */
async function compressedBytes({ file, extents }: DiskImage): Promise<number> {
  const handle = await open(file)
  let bytes = 0
  const count = new PassThrough().on('data', (chunk: Buffer) => (bytes += chunk.length))
  async function* content(): AsyncGenerator<Buffer> {
    for (const { offset, length } of extents) {
      const buffer = Buffer.allocUnsafe(length)
      await handle.read(buffer, 0, length, offset)
      yield buffer
    }
  }
  try {
    await pipeline(Readable.from(content()), createZstdCompress(), count)
  } finally {
    await handle.close()
  }
  return bytes
}
