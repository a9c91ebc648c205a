import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startServer } from '../../src/guest-run/server.ts'
import { Uploads } from '../../src/guest-run/uploads.ts'
import { scratchFolder } from '../scratch-folder.ts'

async function open(limits = { fileBytes: 1000, totalBytes: 1500, files: 5 }) {
  const base = scratchFolder()
  const folder = join(base, 'served')
  await mkdir(join(folder, 'files'), { recursive: true })
  await writeFile(join(folder, 'run.sh'), 'echo run\n')
  await writeFile(join(folder, 'files/helper'), 'helps')
  await writeFile(join(base, 'secret'), 'secret')
  await symlink(join(base, 'secret'), join(folder, 'link'))
  const uploads = new Uploads(join(base, 'uploads'), join(base, 'arriving'), limits)
  const notes: string[] = []
  const server = await startServer({
    port: 0,
    folder,
    beside: join(folder, 'files'),
    uploads,
    own: new Uploads(join(base, 'own'), join(base, 'arriving')),
    onOutput: () => undefined,
    note: (sentence) => notes.push(sentence),
  })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const url = `http://127.0.0.1:${server.port}`
  const put = (path: string, body: string): Promise<Response> =>
    fetch(`${url}${path}`, { method: 'PUT', body })
  return {
    base,
    server,
    uploads,
    notes,
    url,
    put,
    kept: (name: string) => readFile(join(base, 'uploads', name), 'utf8'),
  }
}

/** Sends bytes as they are: a client library would repair them. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(text)
  let answer = ''
  for await (const piece of socket) answer += String(piece)
  return answer
}

describe('what is served', () => {
  test('run.sh, whose fetching is known, and what lies beside the script', async () => {
    const { url, server } = await open()
    expect(server.fetched()).toBe(false)
    expect(await (await fetch(`${url}/run.sh`)).text()).toBe('echo run\n')
    expect(server.fetched()).toBe(true)
    expect(await (await fetch(`${url}/helper`)).text()).toBe('helps')
    expect((await fetch(`${url}/gone`)).status).toBe(404)
  })

  test.each([
    '/../secret',
    '/files/../../secret',
    '/%2e%2e/secret',
    '/..%2fsecret',
    '/files/..%5c..%5csecret',
    '/link',
    '//etc/passwd',
    '/%2fetc/passwd',
    '/run.sh%00.txt',
    '/files',
    '/%zz',
  ])('no name leaves the folder: %s', async (path) => {
    const { server } = await open()
    const answer = await raw(server.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /)
    expect(answer).not.toContain('secret\r\n')
    expect(answer.endsWith('secret')).toBe(false)
  })
})

describe('what is taken', () => {
  test('by PUT, with and without /upload, and never over another', async () => {
    const { put, kept, uploads } = await open()
    expect((await put('/upload/a.txt', 'one')).status).toBe(201)
    expect((await put('/a.txt', 'two')).status).toBe(201)
    expect([await kept('a.txt'), await kept('a.txt-2')]).toEqual(['one', 'two'])
    expect(uploads.kept).toEqual(['a.txt', 'a.txt-2'])
  })

  test('by a form, with a harmless name', async () => {
    const { url, kept } = await open()
    const form = new FormData()
    form.append('files', new Blob(['results']), '../../etc/results.log')
    form.append('files', new Blob(['other']), 'C:\\temp\\.other')
    expect((await fetch(`${url}/upload`, { method: 'POST', body: form })).status).toBe(204)
    expect(await kept('results.log')).toBe('results')
    expect(await kept('other')).toBe('other')
  })

  test('too large, too much, too many: 413, a note, and no half file', async () => {
    const { put, notes, base, uploads } = await open()
    expect((await put('/upload/large', 'x'.repeat(1001))).status).toBe(413)
    expect((await put('/upload/a', 'x'.repeat(900))).status).toBe(201)
    expect((await put('/upload/b', 'x'.repeat(900))).status).toBe(413)
    for (const name of ['c', 'd', 'e', 'f']) expect((await put(`/upload/${name}`, 'x')).status).toBe(201)
    expect((await put('/upload/g', 'x')).status).toBe(413)
    expect(notes).toHaveLength(3)
    expect(notes[0]).toContain('a file may have at most 1000')
    expect(uploads.kept).toEqual(['a', 'c', 'd', 'e', 'f'])
    expect(await readdir(join(base, 'arriving'))).toEqual([])
  })

  test.each([
    ['PUT /upload/cut HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf'],
    [
      'POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 500\r\n\r\n' +
        '--b\r\nContent-Disposition: form-data; name="files"; filename="cut"\r\n\r\nhalf',
    ],
  ])('one that is cut short leaves nothing', async (text) => {
    const { server, base, uploads, notes } = await open()
    const socket = connect(server.port, '127.0.0.1')
    socket.write(text)
    await delay(100)
    socket.destroy()
    await expect.poll(() => notes.length).toBe(1)
    expect(uploads.kept).toEqual([])
    expect(await readdir(join(base, 'arriving'))).toEqual([])
    await expect(readdir(join(base, 'uploads'))).rejects.toThrow('ENOENT')
  })

  test('a form without an end is refused', async () => {
    const { url } = await open()
    const answer = await fetch(`${url}/upload`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: '--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nhalf',
    })
    expect(answer.status).toBe(400)
  })

  test('other methods and nameless bodies are refused with a sentence', async () => {
    const { url } = await open()
    expect((await fetch(`${url}/run.sh`, { method: 'DELETE' })).status).toBe(405)
    const nameless = await fetch(`${url}/upload`, { method: 'POST', body: 'x' })
    expect(await nameless.text()).toContain('/upload/<name>')
  })
})
