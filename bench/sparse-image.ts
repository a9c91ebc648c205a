/** A raw disk image as big as a guest's, with the content of one: programs and libraries of a Debian, between holes. */
import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'

const megabyte = 1024 * 1024
const size = 1536 * megabyte
const content = 512 * megabyte
const piece = 8 * megabyte
const folders = ['usr/lib', 'usr/bin', 'usr/share']

/** Makes `file`, whose content is spread over it in pieces. The files are this machine's own, in one order. */
export async function makeSparseImage(file: string, signal: AbortSignal): Promise<void> {
  const tar = spawn('tar', ['-C', '/', '--sort=name', '-cf', '-', ...folders], {
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
  })
  tar.on('error', () => undefined) // it is ended when it has told enough; too little is said below
  const handle = await open(file, 'w')
  let written = 0
  try {
    for await (const chunk of tar.stdout as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length && written < content;) {
        const length = Math.min(chunk.length - at, content - written, piece - (written % piece))
        const offset = Math.floor(written / piece) * ((size / content) * piece) + (written % piece)
        await handle.write(chunk, at, length, offset)
        at += length
        written += length
      }
      if (written >= content) break
    }
    await handle.truncate(size)
  } finally {
    tar.kill()
    await handle.close()
  }
  signal.throwIfAborted()
  if (written < content)
    throw new Error(
      `/${folders.join(', /')} hold ${written} bytes of files, less than the ${content} of the image`,
    )
}
