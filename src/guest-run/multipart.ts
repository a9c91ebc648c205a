/** Takes the files of a multipart form, as `curl -F files=@results.log` sends it. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { Busboy } from '@fastify/busboy'
import { keptPath, uploadedName } from './safe-names.ts'
import { TooMuch, type Uploads } from './uploads.ts'

const mostFields = 100

/** What was sent is no form, or a part of one. */
export class BadForm extends Error {}

/** Fields that are no files are passed over. @throws BadForm, and TooMuch of `uploads` */
export async function takeMultipart(request: IncomingMessage, uploads: Uploads): Promise<void> {
  const taking: Promise<unknown>[] = []
  const arriving = new Set<Readable>()
  const form = new Busboy({
    headers: { ...request.headers, 'content-type': request.headers['content-type']! },
    limits: { fields: mostFields, fieldSize: 65_536, headerPairs: 100 },
  })
  const failed = new Promise<never>((_resolve, reject) => {
    form.on('error', reject)
    request.on('error', reject)
    request.once('aborted', () => reject(new Error('the upload was cut short')))
    form.on('file', (_field, content, filename) => {
      const taken = uploads.take(keptPath([uploadedName(filename ?? '')])!, content)
      arriving.add(content)
      // heard by the upload it goes to; without a listener of its own it would end the process
      content.on('error', () => undefined)
      taking.push(taken)
      taken.catch(reject)
    })
  })
  const parsed = new Promise<void>((resolve) => void form.once('finish', resolve))
  request.pipe(form)
  try {
    await Promise.race([parsed, failed])
    await Promise.all(taking)
  } catch (error) {
    request.unpipe(form)
    form.destroy()
    // the parser leaves the files of a broken form open
    for (const content of arriving) content.destroy(new Error('the upload was cut short'))
    await Promise.allSettled(taking)
    throw error instanceof TooMuch ? error : new BadForm('the form is not whole', { cause: error })
  }
}
