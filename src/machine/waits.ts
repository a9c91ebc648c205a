/** Waits for files and sockets on a machine: bounded, looked at once a second at the latest, with what was last seen. */
import { SocketAddress, isIP, isIPv6 } from 'node:net'
import { ConnectionError, UsageError, describeError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { type Probe, waitFor } from '../core/wait.ts'
import type { SshHost } from '../transport/ssh/ssh-host.ts'
import { type Reachable, type TimedOptions, endOf, timeoutOf } from './reachable.ts'

export interface PortOptions extends TimedOptions {
  /** An IP address of the machine, or `localhost`. Default: whichever address the port is open on. */
  readonly address?: string
  /** Default `tcp`. */
  readonly protocol?: 'tcp' | 'udp'
  /**
   * The machine that looks: it makes a real TCP connection to `address`, which is then needed. Without it the machine's own
   * table of listening sockets is read, and nothing connects: a server that takes one connection still has it to give.
   */
  readonly from?: Dialling
}

/** A machine that can make a TCP connection by its sshd. */
export interface Dialling {
  readonly name: string
  connection(timeoutMs?: number): Promise<Pick<SshHost, 'openTcp'>>
}

/** Waits until there is something of that path, whatever it is. @throws WaitError at the deadline */
export async function waitForFile(on: Reachable, path: string, options: TimedOptions = {}): Promise<void> {
  if (path === '') throw new UsageError('which file is waited for is missing: the path is empty')
  const look = shell('[ -e "$1" ] && echo there || echo missing', path)
  await awaited(on, `${path} on ${on.name}`, options, async (signal) =>
    (await read(on, look, signal)).trim() === 'there'
      ? { state: 'ready', value: undefined }
      : { state: 'pending', seen: `there is no ${path}` },
  )
}

/**
 * Waits until the port is open, or closed. For UDP, open is a bound socket that is connected to nobody.
 * @throws UsageError, WaitError at the deadline with the sockets that were there
 */
export async function waitForPort(
  on: Reachable,
  wanted: 'open' | 'closed',
  port: number,
  options: PortOptions = {},
): Promise<void> {
  const { address, from, protocol = 'tcp' } = options
  refusePort(port, options)
  const place = `${address ?? 'any address'}:${port}/${protocol}`
  const what = `${place} on ${on.name}${from ? `, seen from ${from.name},` : ''} to be ${wanted}`
  await awaited(on, what, options, async (signal) => {
    const { open, seen } = from
      ? await dialled(from, address!, port, signal)
      : await listening(on, port, protocol, address, signal)
    return open === (wanted === 'open') ? { state: 'ready', value: undefined } : { state: 'pending', seen }
  })
}

export interface UnixSocketOptions extends TimedOptions {
  /** Default `stream`: a socket that listens. A `datagram` socket is there once it is bound. */
  readonly type?: 'stream' | 'datagram' | 'seqpacket'
}

/**
 * Waits until a process has a Unix socket at `path`, by the kernel's own table: a socket file that a dead process left
 * behind does not count. A path that begins with `@` is an abstract one.
 * @throws WaitError at the deadline
 */
export async function waitForUnixSocket(
  on: Reachable,
  path: string,
  options: UnixSocketOptions = {},
): Promise<void> {
  const type = options.type ?? 'stream'
  const look = shell(unixSocketScript, path, socketTypes[type])
  await awaited(on, `a ${type} socket at ${path} on ${on.name}`, options, async (signal) => {
    const seen = (await read(on, look, signal)).trim()
    return seen === 'there' ? { state: 'ready', value: undefined } : { state: 'pending', seen }
  })
}

/** `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_SEQPACKET` as /proc/net/unix has them: proc_net(5), `unix_seq_show` of the kernel. */
const socketTypes = { stream: '0001', datagram: '0002', seqpacket: '0005' } as const

/**
 * Fields of /proc/net/unix: number, references, protocol, flags, type, state, inode, path. The flag 00010000 is a socket
 * that listens. A path may be named in another way than it was bound by (`/var/run` for `/run`): `-ef` compares the files.
 */
const unixSocketScript = `awk -v type="$2" '$5 == type && (type == "0002" || $4 == "00010000") {
  sub(/^([^ ]+ +)+[0-9]+ /, ""); print
}' /proc/net/unix | { while IFS= read -r bound; do
  if [ "$bound" = "$1" ]; then echo there; exit; fi
  case $bound in @*) continue ;; esac
  if [ "$bound" -ef "$1" ]; then echo there; exit; fi
done
if [ -S "$1" ]; then echo "the file is there, and no process serves it"; else echo "there is no socket at $1"; fi; }`

/** What is open on the machine, as `ss` of iproute2 lists it: local address and port are the fourth column. */
async function listening(
  on: Reachable,
  port: number,
  protocol: 'tcp' | 'udp',
  address: string | undefined,
  signal: AbortSignal,
): Promise<{ open: boolean; seen: string }> {
  const stdout = await read(
    on,
    ['ss', '-H', '-n', '-l', protocol === 'tcp' ? '-t' : '-u', `sport = :${port}`],
    signal,
  )
  const sockets = parseSockets(stdout)
  const open = sockets.some((local) => address === undefined || covers(local, address))
  return { open, seen: sockets.length === 0 ? 'no such socket' : `open on ${sockets.join(', ')}` }
}

/** The local addresses in the output of `ss -Hnl`, without port, brackets and zone. */
export function parseSockets(output: string): string[] {
  return output
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[3] ?? '')
    .filter(Boolean)
    .map(
      (local) =>
        local
          .slice(0, local.lastIndexOf(':'))
          .replace(/%[^\]]*/, '')
          .replace(/^\[(.*)\]$/, '$1')
          .replace(/^::ffff:(?=\d+\.)/, ''), // an IPv6 socket of an IPv4 address
    )
}

/** As the kernel writes it: `::1` for `0:0::1`. */
function canonical(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address
}

/** `*` takes both families; `::` may or may not take IPv4, and then is shown as `*`. */
function covers(local: string, address: string): boolean {
  if (address === 'localhost') return covers(local, '127.0.0.1') || covers(local, '::1')
  if (local === '*') return true
  return local === (isIPv6(address) ? '::' : '0.0.0.0') || local === canonical(address)
}

/** One attempt; a dropped packet is answered by nobody, so that it gets two seconds. */
async function dialled(
  from: Dialling,
  address: string,
  port: number,
  signal: AbortSignal,
): Promise<{ open: boolean; seen: string }> {
  const host = await from.connection()
  const dial = host.openTcp(address, port).then(
    (stream) => {
      stream.on('error', () => undefined) // it was asked whether it opens, and that is known
      stream.destroy()
      return { open: true, seen: 'it takes connections' }
    },
    (error: unknown) => {
      if (isForbidden(error)) throw error
      return { open: false, seen: describeError(error) }
    },
  )
  const patience = AbortSignal.any([AbortSignal.timeout(dialMs), signal])
  const silence = new Promise<{ open: boolean; seen: string }>((resolve) =>
    patience.addEventListener('abort', () => resolve({ open: false, seen: 'no answer' }), { once: true }),
  )
  return Promise.race([dial, silence])
}

const dialMs = 2000

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED of RFC 4254: sshd does not forward. */
function isForbidden(error: unknown): boolean {
  const cause = error instanceof ConnectionError ? error.cause : undefined
  return cause instanceof Error && 'reason' in cause && cause.reason === 1
}

function refusePort(port: number, { address, protocol, from }: PortOptions): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new UsageError(`${port} is not a port: 1 to 65535`)
  if (address !== undefined && address !== 'localhost' && isIP(address) === 0)
    throw new UsageError(`${address} is not an IP address (or localhost)`)
  if (!from) return
  if (protocol === 'udp')
    throw new UsageError('whether a UDP port is open cannot be seen from another machine; leave `from` out')
  if (address === undefined)
    throw new UsageError(`which address ${from.name} is to connect to is missing: give \`address\``)
}

/** @throws CommandError when the look itself fails: then what it says is what was last seen */
async function read(on: Reachable, look: readonly string[], signal: AbortSignal): Promise<string> {
  const host = await on.connection()
  return (await host.run(look, { signal })).stdout
}

async function awaited(
  on: Reachable,
  what: string,
  options: TimedOptions,
  probe: (signal: AbortSignal) => Promise<Probe<void>>,
): Promise<void> {
  const timeoutMs = timeoutOf(`the wait for ${what}`, options)
  return waitFor(probe, { what: endOf(what), timeoutMs, signal: on.signal })
}
