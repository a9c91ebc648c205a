/** What a container wrote, with the engine's times: the whole of it, or a bounded part of a long one. */
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type Docker from 'dockerode'
import { BoundedText, mostLogBytes } from '../../core/kept-log.ts'

const fetchTimeoutMs = 60_000

/** Up to now, of a container that runs or not. @throws the engine's error when it is gone (`statusCode` 404) */
export async function containerLog(container: Docker.Container): Promise<string> {
  const { State: state } = await container.inspect()
  const wanted = { stdout: true, stderr: true, timestamps: true }
  const text = new BoundedText(mostLogBytes['data-plane'])
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text.add(chunk)
      done()
    },
  })
  if (state.Running) {
    for (const chunk of frames(await container.logs({ ...wanted, follow: false }))) text.add(chunk)
    return text.toString()
  }
  // as a stream, for it may be long; of a container that has stopped it ends by itself
  const stream = await container.logs({ ...wanted, follow: true })
  container.modem.demuxStream(stream, sink, sink)
  await finished(stream, { writable: false, signal: AbortSignal.timeout(fetchTimeoutMs) })
  return text.toString()
}

/** The contents of Docker's frames, which begin with 8 bytes (stream, length) in a log without a TTY. */
function* frames(raw: Buffer): Generator<Buffer> {
  for (let offset = 0; offset + 8 <= raw.length;) {
    const length = raw.readUInt32BE(offset + 4)
    yield raw.subarray(offset + 8, offset + 8 + length)
    offset += 8 + length
  }
}

/** As many lines as a failure is looked at by. */
const lastLines = 10_000

/** The end of it, of a container that runs or not. @throws the engine's error when it is gone (`statusCode` 404) */
export async function containerLogEnd(
  container: Docker.Container,
  mostBytes: number,
): Promise<{ readonly text: string; readonly cut: boolean }> {
  const wanted = { stdout: true, stderr: true, timestamps: true, follow: false, tail: lastLines } as const
  const whole = Buffer.concat([...frames(await container.logs(wanted))])
  return { text: whole.subarray(-mostBytes).toString('utf8'), cut: whole.length > mostBytes }
}
