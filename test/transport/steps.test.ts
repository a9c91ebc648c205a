/** What a connection tells of itself: commands, files, calls of the Docker API; never what goes to standard input. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { shell } from '../../src/core/shell-quote.ts'
import { type Observe, type StepBegun, type StepEnded, asMeant } from '../../src/core/steps.ts'
import { tryLocally } from '../../src/core/local-command.ts'
import { dockerOf } from '../../src/transport/docker/docker-over-ssh.ts'
import { pullImage } from '../../src/transport/docker/pull.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import type { SshHost } from '../../src/transport/ssh/ssh-host.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { type TestSshd, startSshd } from '../helpers/sshd.ts'

type Told = StepBegun & Partial<StepEnded>

let sshd: TestSshd
let host: SshHost
const told: Told[] = []
const observe: Observe = (begun) => {
  const step: Told = { ...begun }
  told.push(step)
  return (ended) => void Object.assign(step, ended)
}

beforeAll(async () => {
  sshd = await startSshd()
  host = await connectHost(sshd.address, { observe })
})
afterAll(async () => {
  await host.close()
  await sshd[Symbol.asyncDispose]()
})
const connecting: Told[] = []
beforeEach(() => {
  connecting.push(...told.splice(0))
})

test('a connection, and one that is refused', async () => {
  const { user, port } = sshd.address
  expect(connecting).toEqual([
    { machine: 'test-host', kind: 'connection', name: `connect to ${user}@127.0.0.1:${port}`, outcome: 'ok' },
  ])
  const key = join(scratchFolder(), 'other')
  await tryLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])
  await expect(connectHost({ ...sshd.address, keyFile: key }, { observe })).rejects.toThrow()
  expect(told).toMatchObject([{ kind: 'connection', outcome: 'failed' }])
  expect(told[0]?.output).toContain('does not accept the key')
})

test('a connection through another tells the same observer', async () => {
  await using through = await connectHost({ ...sshd.address, name: 'guest' }, { via: host })
  await through.run(['true'])
  expect(told.map(({ machine, kind, outcome }) => [machine, kind, outcome])).toEqual([
    ['guest', 'connection', 'ok'],
    ['guest', 'command', 'ok'],
  ])
  expect(told[0]?.name).toMatch(/through test-host$/)
})

test('commands, as a shell would take them, with status, signal and output of both kinds', async () => {
  await host.tryRun(shell('echo out; echo err >&2; exit 7'))
  await host.tryRun(shell('kill -9 $$'))
  await expect(host.run(['false'])).rejects.toThrow()
  expect(told).toMatchObject([
    {
      machine: 'test-host',
      kind: 'command',
      name: "sh -c 'echo out; echo err >&2; exit 7' sh",
      outcome: 'failed',
      exitStatus: 7,
      output: 'out\n\nerr\n',
    },
    { outcome: 'failed', signal: 'SIGKILL' },
    { name: 'false', outcome: 'failed', exitStatus: 1 },
  ])
})

test('a command that is aborted, and one that goes by another name', async () => {
  const end = new AbortController()
  const running = host.tryRun(['sleep', '100'], {
    signal: end.signal,
    as: { kind: 'command', name: 'a nap' },
  })
  setTimeout(() => end.abort(), 50)
  await running
  expect(told).toMatchObject([{ name: 'a nap', outcome: 'aborted' }])
  const meant = new AbortController()
  const watching = host.tryRun(['sleep', '100'], { signal: meant.signal })
  setTimeout(() => meant.abort(asMeant), 50)
  await watching
  expect(told.at(-1)).toMatchObject({ name: 'sleep 100', outcome: 'ok' })
})

test('what is written to a file or to standard input is told nowhere, what is read from a file neither', async () => {
  const file = join(scratchFolder(), 'file')
  await host.writeFile(file, 'hidden content', { mode: 0o600 })
  expect(await host.readFile(file)).toBe('hidden content')
  await host.run(['wc', '-c'], { input: 'hidden content' })
  expect(told.map(({ kind, name, outcome }) => [kind, name, outcome])).toEqual([
    ['file', `write ${file} (14 bytes, mode 600)`, 'ok'],
    ['file', `read ${file}`, 'ok'],
    ['command', 'wc -c', 'ok'],
  ])
  expect(JSON.stringify(told)).not.toContain('hidden')
})

test('files by SFTP', async () => {
  const folder = scratchFolder()
  await writeFile(join(folder, 'a'), 'x')
  await host.upload(join(folder, 'a'), join(folder, 'b'))
  await host.download(join(folder, 'b'), join(folder, 'c'))
  expect(told.map(({ kind, name }) => [kind, name])).toEqual([
    ['file', `send ${folder}/a to ${folder}/b`],
    ['command', `mv -f -- ${folder}/b.partial ${folder}/b`],
    ['file', `fetch ${folder}/b to ${folder}/c`],
  ])
})

test('calls of the Docker API: the answer to a change, no environment', async () => {
  const socket = join(scratchFolder(), 'docker.sock')
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    if (path.startsWith('/containers/create')) response.writeHead(201).end('{"Id":"abc","Warnings":[]}')
    else if (path.includes('missing')) response.writeHead(404).end('{"message":"no such image"}')
    else if (path.endsWith('/start')) response.writeHead(500).end('{"message":"no such device"}')
    else response.writeHead(200).end('{"Config":{"Env":["LICENCE=hidden"]}}')
  }).listen(socket)
  await once(server, 'listening')
  try {
    const docker = dockerOf(host, socket)
    const created = await docker.createContainer({ name: 'dp', Image: 'i', Env: ['LICENCE=hidden'] })
    await created.inspect()
    await expect(created.start()).rejects.toThrow()
    await expect(docker.getImage('missing').inspect()).rejects.toThrow()
    expect(told.map(({ name, outcome, exitStatus, output }) => [name, outcome, exitStatus, output])).toEqual([
      ['POST /containers/create?name=dp', 'ok', undefined, '{"Id":"abc","Warnings":[]}'],
      ['GET /containers/abc/json', 'ok', undefined, undefined],
      ['POST /containers/abc/start', 'failed', 500, expect.stringContaining('no such device') as string],
      // that it is not there is an answer
      ['GET /images/missing/json', 'ok', 404, expect.stringContaining('no such image') as string],
    ])
    expect(JSON.stringify(told)).not.toContain('hidden')
  } finally {
    server.close()
  }
})

test('a pull is one step until the engine has said its last, and has failed when that was a failure', async () => {
  const socket = join(scratchFolder(), 'docker.sock')
  let last = '{"status":"Downloaded"}'
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    if (path.startsWith('/images/create')) response.writeHead(200).end(`{"status":"Pulling"}\n${last}\n`)
    else response.writeHead(200).end('{"Id":"sha256:ab","RepoDigests":[]}')
  }).listen(socket)
  await once(server, 'listening')
  try {
    const docker = dockerOf(host, socket)
    const credentials = { username: 'u', password: 'hidden', serveraddress: 'registry.example' }
    const pull = (): Promise<unknown> =>
      pullImage('test-host', docker, 'registry.example/dp:1', { credentials })
    await pull()
    last = '{"error":"no space left"}'
    await expect(pull()).rejects.toThrow()
    const pulls = told.filter(({ name }) => !name.startsWith('GET'))
    const step = { machine: 'test-host', kind: 'docker', name: 'pull registry.example/dp:1' }
    expect(pulls).toEqual([
      { ...step, outcome: 'ok', output: 'Pulling\nDownloaded' },
      { ...step, outcome: 'failed', output: 'no space left' },
    ])
    expect(JSON.stringify(told)).not.toContain('hidden')
  } finally {
    server.close()
  }
})

test('a connection that is lost is told', async () => {
  const lost = await connectHost(sshd.address, { observe })
  const running = lost.tryRun(shell('kill -9 $PPID; sleep 100'), { ownSession: true })
  await expect(running).rejects.toThrow(/was lost/)
  expect(told.slice(1)).toMatchObject([
    { kind: 'command', outcome: 'failed' },
    { kind: 'connection', name: 'the connection was lost', outcome: 'failed' },
  ])
})

test('a program of the controller', async () => {
  await tryLocally(['echo', 'here'], { observe })
  expect(told).toEqual([
    {
      machine: 'controller',
      kind: 'command',
      name: 'echo here',
      outcome: 'ok',
      exitStatus: 0,
      output: 'here\n',
    },
  ])
})
