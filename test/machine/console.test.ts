import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { answered } from '../../src/core/command-result.ts'
import { type ConsoleGuest, GuestConsole } from '../../src/machine/console.ts'
import type { Conversation } from '../../src/transport/ssh/conversation.ts'
import { LocalHost } from '../../src/transport/local-host.ts'

const blob = Buffer.concat([
  Buffer.from('\0\0\0\u000bssh-ed25519\0\0\0\u0020', 'latin1'),
  Buffer.alloc(32, 7),
])
const hostKey = `ssh-ed25519 ${blob.toString('base64')}`
const domain = `<domain><name>vm1</name><metadata>
  <d:provisioned xmlns:d='https://github.com/ironcore-dev/dpbench/domain/1' host-key='${hostKey}'/></metadata></domain>`

/** virsh as it speaks in a terminal: `says` comes by itself, and then it ends, or goes on until it is hung up. */
function guest(
  says: string,
  ends: boolean,
): { guest: ConsoleGuest; typed: () => string; closed: () => boolean } {
  const host = new LocalHost('hypervisor-1')
  const input: Buffer[] = []
  let closed = false
  const talk = (): Conversation => {
    const stream = new PassThrough()
    const output = new PassThrough()
    stream.on('data', (chunk: Buffer) => input.push(chunk))
    let hangUp = (): void => undefined
    const ended = new Promise<{ exitCode: number; signal: null }>((resolve) => {
      hangUp = () => resolve({ exitCode: 1, signal: null })
    })
    output.write(says)
    if (ends) setTimeout(hangUp, 20)
    const duplex = Object.assign(output, { write: (text: string) => stream.write(text) })
    const close = async (): Promise<void> => {
      closed = true
      hangUp()
    }
    return { stream: duplex as never, stderr: new PassThrough(), ended, resize: () => undefined, close }
  }
  const ssh = Object.assign(host, {
    async tryRun(argv: readonly string[]) {
      const stdout = argv.includes('dumpxml') ? domain : 'vm1\n'
      return answered(host.name, argv, stdout)
    },
    converse: async () => talk(),
  })
  ssh.run = ssh.tryRun
  const address = { name: 'vm1', address: '192.0.2.1', port: 22, user: 'root', keyFile: '/nowhere', hostKey }
  return {
    guest: { name: 'vm1', hypervisor: { name: host.name, ssh }, address },
    typed: () => Buffer.concat(input).toString('utf8'),
    closed: () => closed,
  }
}

const banner = "Connected to domain 'vm1'\r\nEscape character is ^] (Ctrl + ])\r\n"

test('what is sent is typed when virsh has said how to leave, and the line is hung up', async () => {
  const { guest: vm, typed, closed } = guest(banner, false)
  await new GuestConsole(vm).send('root\n')
  expect(typed()).toBe('root\n')
  expect(closed()).toBe(true)
})

test.for([
  [
    `${banner}error: operation failed: Active console session exists for this domain\r\n`,
    /^the console of vm1 is open elsewhere/,
  ],
  [
    `${banner}error: internal error: no tty\r\n`,
    /^vm1: virsh console on hypervisor-1 failed: internal error: no tty$/,
  ],
  ['error: failed to get domain\r\n', /^vm1: virsh console on hypervisor-1 failed: failed to get domain$/],
] as const)('a console that is refused after %j', async ([says, why]) => {
  await expect(new GuestConsole(guest(says, true).guest).send('x')).rejects.toThrow(why)
})

test('what would end virsh is not sent', async () => {
  await expect(new GuestConsole(guest(banner, false).guest).send('\u001d')).rejects.toThrow('Ctrl-]')
})
