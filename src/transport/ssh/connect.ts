/** Opens one SSH connection to a host, directly or through another host's connection, and verifies who answers. */
import type { Duplex } from 'node:stream'
import pRetry, { AbortError } from 'p-retry'
import {
  type AgentAuthMethod,
  Client,
  type ConnectConfig,
  type PublicKeyAuthMethod,
  type ServerHostKeyAlgorithm,
} from 'ssh2'
import { ConnectionError, DpbenchError, HostKeyError, describeError } from '../../core/errors.ts'
import { type Observe, asStep } from '../../core/steps.ts'
import type { Instead } from '../instead.ts'
import type { HostAddress } from './address.ts'
import { type PinnedHostKey, hostKeyRefusal, isPinned, resolveHostKey } from './host-key.ts'
import { type Identity, identityOf } from './identity.ts'
import { SshHost } from './ssh-host.ts'

export interface ConnectOptions {
  /** Reach the host through this host's connection (direct-tcpip). */
  readonly via?: SshHost | undefined
  /** For all attempts together. Default 20 s. A host that still boots needs more. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  /** Is told of the connection, and of what is done over it. Default: that of `via`. */
  readonly observe?: Observe | undefined
  /** Takes the place of the connection. Default: that of `via`. */
  readonly instead?: Instead | undefined
}

/** An emulated guest's sshd takes seconds to answer, so an attempt gets this long. */
const attemptTimeoutMs = 20_000

/** A host that has said nothing for so long is asked whether it is there; one that leaves two of these open is lost: after 30 s. */
const keepaliveMs = 10_000

/**
 * Connects to `host`, retrying while it refuses or does not answer yet.
 * @throws HostKeyError at once when the host key is not the pinned one; ConnectionError at the deadline, or at once
 * when the host refuses the key.
 */
export function connectHost(host: HostAddress, options: ConnectOptions = {}): Promise<SshHost> {
  const { via, observe = via?.observe, instead = via?.instead, signal } = options
  const to = `${host.user}@${host.address}:${host.port}`
  const name = via ? `connect to ${to} through ${via.name}` : `connect to ${to}`
  const step = { machine: host.name, kind: 'connection', name } as const
  const connecting = instead ? instead.connect : connected
  return asStep(observe, step, () => connecting(host, { ...options, observe, instead }), signal)
}

async function connected(host: HostAddress, options: ConnectOptions): Promise<SshHost> {
  const identity = await identityOf(host.keyFile)
  const pinned = await resolveHostKey(host, host.hostKey)
  const timeoutMs = options.timeoutMs ?? 20_000
  const deadline = performance.now() + timeoutMs
  try {
    return await pRetry(() => attempt(host, identity, pinned, options, deadline - performance.now()), {
      retries: Number.POSITIVE_INFINITY,
      maxRetryTime: timeoutMs,
      minTimeout: 200,
      maxTimeout: 2000,
      ...(options.signal ? { signal: options.signal } : {}),
    })
  } catch (error) {
    options.signal?.throwIfAborted()
    if (error instanceof DpbenchError) throw error
    throw new ConnectionError(
      `${host.name}: no SSH connection to ${host.user}@${host.address}:${host.port} within ${timeoutMs / 1000} s ` +
        `(${describeError(error)}); check that the machine is up and that its sshd listens there`,
      { cause: error },
    )
  }
}

async function attempt(
  host: HostAddress,
  identity: Identity,
  pinned: PinnedHostKey,
  options: ConnectOptions,
  leftMs: number,
): Promise<SshHost> {
  const readyTimeout = Math.max(1000, Math.min(attemptTimeoutMs, leftMs))
  const sock = options.via && (await openedWithin(options.via, host, readyTimeout))
  const client = new Client()
  let refusal: HostKeyError | undefined
  const config: ConnectConfig = {
    host: host.address,
    port: host.port,
    username: host.user,
    authHandler: [authenticationBy(identity, host.user)],
    agentForward: false,
    algorithms: { serverHostKey: serverHostKeyAlgorithms(pinned.types) },
    readyTimeout,
    keepaliveInterval: keepaliveMs,
    // a hypervisor that stands still is given up before what is reached through it, so that it is the one that is named
    keepaliveCountMax: options.via ? 3 : 2,
    hostVerifier: (key: Buffer) => {
      if (isPinned(key, pinned)) return true
      refusal = hostKeyRefusal(host, key, pinned)
      return false
    },
  }
  if (sock) config.sock = sock
  try {
    await ready(client, config, readyTimeout, options.signal)
  } catch (error) {
    client.destroy()
    sock?.destroy()
    if (refusal) throw new AbortError(refusal)
    if (hasLevel(error, 'client-authentication')) {
      throw new AbortError(
        new ConnectionError(
          `${host.name}: ${host.user}@${host.address} does not accept the key ${host.keyFile}${'agent' in identity ? ', which the ssh-agent signed with' : ''}; ` +
            'put its public half into authorized_keys there, or name another key_file',
          { cause: error },
        ),
      )
    }
    if (hasLevel(error, 'agent')) {
      const message = `${host.name}: the ssh-agent does not sign with the key ${host.keyFile} (${describeError(error)}); see ssh-add -l`
      throw new AbortError(new ConnectionError(message, { cause: error }))
    }
    throw error instanceof Error ? new Error(error.message, { cause: error }) : error
  }
  return new SshHost(host, client, { observe: options.observe, stream: sock, via: options.via })
}

/** The hypervisor's kernel tries for two minutes to reach a guest that is down: a guest that boots is up long before. */
function openedWithin(via: SshHost, { address, port }: HostAddress, timeoutMs: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    let late = false
    const timer = setTimeout(() => {
      late = true
      reject(
        new Error(`${via.name} did not reach ${address}:${port} within ${(timeoutMs / 1000).toFixed(1)} s`),
      )
    }, timeoutMs)
    via
      .openTcp(address, port)
      .then((stream) => (late ? void stream.destroy() : resolve(stream)))
      .catch(reject)
      .finally(() => clearTimeout(timer))
  })
}

/** ssh2 has a deadline too, and drops it when a forwarded stream closes before the handshake has begun. */
function ready(
  client: Client,
  config: ConnectConfig,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason as Error)
    const late = (): void => reject(new Error(`no SSH handshake within ${(timeoutMs / 1000).toFixed(1)} s`))
    const timer = setTimeout(late, timeoutMs + 500)
    signal?.addEventListener('abort', onAbort, { once: true })
    client.once('ready', () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    // on, not once: ssh2 tells of a handshake's end a second time when its socket closes, and nobody else listens yet
    client.on('error', reject)
    client.once('close', () => reject(new Error('the connection was closed during the handshake')))
    client.connect(config)
    // a command is a few small packets: each would wait for the answer to the one before it, 40 ms where that is delayed
    client.setNoDelay(true)
  })
}

/** Which part of ssh2 an error comes from. */
function hasLevel(error: unknown, level: string): boolean {
  return error instanceof Error && 'level' in error && error.level === level
}

function authenticationBy(identity: Identity, username: string): PublicKeyAuthMethod | AgentAuthMethod {
  return 'agent' in identity
    ? { type: 'agent', username, agent: identity.agent }
    : { type: 'publickey', username, key: identity.privateKey }
}

/** With SHA-2 alone: signatures with SHA-1 (`ssh-rsa`) prove nothing any more. */
const algorithmsOf = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
} as const satisfies Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>>

/** The pinned types first, so that a machine shows a key that is known, then the others: a refusal names what it has. */
function serverHostKeyAlgorithms(types: readonly string[]): ServerHostKeyAlgorithm[] {
  const all = Object.entries(algorithmsOf)
  const first = (type: string): number => (types.includes(type) ? 0 : 1)
  return all.toSorted(([a], [b]) => first(a) - first(b)).flatMap(([, algorithms]) => [...algorithms])
}
