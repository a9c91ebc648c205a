/** Brings the disk image to a hypervisor: once, without its holes, compressed, checked by its hash before it has its name. */
import type { RunOptions } from '../src/transport/host.ts'
import { shell } from '../src/core/shell-quote.ts'
import type { RemoteHost } from '../src/transport/host.ts'
import { CommandError } from '../src/core/command-result.ts'
import { ProvisionError } from '../src/core/errors.ts'
import type { Compression } from './compress.ts'
import type { ImagePlaces } from './places.ts'
import { mebibytes } from './progress.ts'
import type { ProvisionRun } from './run.ts'

/** A slow line gets its time: 1 MiB/s, and ten minutes beside. */
const shipTimeoutMs = (bytes: number): number => 600_000 + (bytes / 1024 / 1024) * 1000

/** Unpacks the archive that comes by standard input into folder `$1`. */
export function receiveCommand(compression: Compression, folder: string): string[] {
  return shell(`${compression} -dc | tar -xf - -C "$1"`, folder)
}

/** What of a run it takes to ship its image. */
export type Shipping = Pick<ProvisionRun, 'image' | 'packer' | 'progress' | 'signal'>

/** Sends the image unless it is there. */
export async function shipImage(
  run: Shipping,
  host: RemoteHost,
  places: ImagePlaces,
  compression: Compression,
): Promise<void> {
  const options: RunOptions = { signal: run.signal }
  const { image, progress } = run
  const there = await host.tryRun(['stat', '-c', '%s', places.image], options)
  if (there.exitCode === 0 && there.stdout.trim() === String(image.size)) {
    progress.say(host.name, 'the disk image is there already, 0 bytes sent')
    return
  }
  const packed = run.packer.pack(compression)
  const started = performance.now()
  const stream = packed.open((share) => progress.update(host.name, 'sending the disk image', share))
  // a read error must end the far side, which would wait for more
  const failed = new AbortController()
  stream.on('error', (error) => failed.abort(error))
  await host.run(receiveCommand(compression, folderOf(places)), {
    input: stream,
    timeoutMs: shipTimeoutMs(image.dataBytes),
    signal: AbortSignal.any([run.signal, failed.signal]),
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  progress.say(
    host.name,
    `disk image received: ${mebibytes(packed.bytes)} packed and sent in ${seconds} s for ${mebibytes(image.size)} (holes left out, ${compression})`,
  )
  await verify(run, host, places)
  await host.run(shell('chmod 0444 "$1" && mv -f -- "$1" "$2"', places.partial, places.image), options)
}

/** Reads lines of an offset and a length, in bytes, and writes that part of file `$1`. */
const readExtents =
  'while read -r offset length; do ' +
  'dd if="$1" bs=1M iflag=fullblock,skip_bytes,count_bytes skip="$offset" count="$length" status=none || exit 1; done'

/** openssl takes a third of the time where the CPU has instructions for it, which coreutils may be built without. */
const hashed = 'if command -v openssl > /dev/null; then openssl dgst -sha256 -r; else sha256sum; fi'

/** Hashes the extents of what arrived; its holes are holes because tar left them out, and its size is looked at too. */
async function verify(run: Shipping, host: RemoteHost, places: ImagePlaces): Promise<void> {
  const { image } = run
  const map = image.extents.map(({ offset, length }) => `${offset} ${length}\n`).join('')
  const options = { signal: run.signal, timeoutMs: shipTimeoutMs(image.dataBytes) }
  const result = await host.run(
    shell(`stat -c %s -- "$1"; { ${readExtents}; } | { ${hashed}; }`, places.partial),
    { ...options, input: map },
  )
  const [size, hash] = result.stdout.split(/\s+/)
  if (size !== String(image.size) || hash !== image.dataSha256) {
    throw new ProvisionError(
      `${host.name}: the disk image arrived damaged (${size} bytes, SHA-256 ${hash}, instead of ${image.size}, ${image.dataSha256}): ` +
        'look at the disk and the memory of that machine, and provision again',
      { cause: new CommandError(result) },
    )
  }
}

function folderOf(places: ImagePlaces): string {
  return places.partial.slice(0, places.partial.lastIndexOf('/'))
}
