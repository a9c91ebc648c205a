import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import type { SshHost } from '../../src/transport/ssh/ssh-host.ts'
import { type TestSshd, startSshd } from '../helpers/sshd.ts'

let sshd: TestSshd
let host: SshHost
const asked: string[] = []
const server = createServer((request, response) => {
  asked.push(request.url ?? '')
  response.end('x'.repeat(1_000_000))
})
let to: number

beforeAll(async () => {
  sshd = await startSshd()
  host = await connectHost(sshd.address)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  to = (server.address() as AddressInfo).port
})
afterAll(async () => {
  await host.close()
  server.close()
  await sshd[Symbol.asyncDispose]()
})

const get = (port: number): Promise<string> =>
  fetch(`http://127.0.0.1:${port}/a`, { headers: { connection: 'close' } }).then((answer) => answer.text())

test('a port of the host leads to one of ours, until it is given back', async () => {
  const forwarded = await host.forwardIn({ port: 0, to })
  expect(forwarded.port).toBeGreaterThan(0)
  const answers = await Promise.all([get(forwarded.port), get(forwarded.port)])
  expect(answers.map((answer) => answer.length)).toEqual([1_000_000, 1_000_000])
  await forwarded[Symbol.asyncDispose]()
  await forwarded[Symbol.asyncDispose]()
  await expect(get(forwarded.port)).rejects.toThrow()
  expect(asked).toEqual(['/a', '/a'])
})

test('a port that is taken there is refused, and the connection stands', async () => {
  await expect(host.forwardIn({ port: to, to })).rejects.toThrow(
    /test-host: its sshd does not listen on port/,
  )
  await using other = await host.forwardIn({ port: 0, to })
  expect(await get(other.port)).toHaveLength(1_000_000)
})
