/**
 * Gives the guests of one VNI their addresses. It runs inside the VNI's namespace, reads requests from its standard
 * input, one JSON document per line, answers each on its standard output, and ends when its input does.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { GuestPort, ResponderRequest } from '../daemon/guest-configuration.ts'
import { run } from '../shared/run.ts'
import { answerDhcp6 } from './dhcp6.ts'
import { Relay4 } from './relay4.ts'
import { RouterAdvertiser } from './router-advertiser.ts'

/** All_DHCP_Relay_Agents_and_Servers, RFC 8415. */
const dhcp6Group = 'ff02::1:2'
const dhcp6ServerPort = 547

interface Served {
  readonly port: GuestPort
  readonly closers: (() => Promise<void> | void)[]
}

const served = new Map<string, Served>()

async function add(socket6: Socket, port: GuestPort): Promise<void> {
  const { device, ipv4, ipv6, hostname, mtu } = port
  const closers: Served['closers'] = []
  served.set(device, { port, closers })
  if (ipv4) {
    const relay = await Relay4.open(device, { address: ipv4, mtu, hostname, dns: port.dns4 }, () =>
      relearn(port),
    )
    closers.push(() => relay.close())
  }
  if (ipv6) {
    const link = `::%${device}`
    socket6.addMembership(dhcp6Group, link)
    closers.push(() => socket6.dropMembership(dhcp6Group, link))
    const advertiser = await RouterAdvertiser.open(device)
    closers.push(() => advertiser.close())
  }
}

async function remove(device: string): Promise<void> {
  const closers = served.get(device)?.closers ?? []
  served.delete(device)
  for (const close of closers) await close()
}

/**
 * dpservice takes a guest's MAC address from its DHCP requests. Here the kernel asks for it, and must do so anew: with
 * the address of a NIC that is gone it would insist for seconds.
 */
async function relearn({ device, ipv4, ipv6 }: GuestPort): Promise<void> {
  try {
    for (const address of [ipv4, ipv6].filter(Boolean)) {
      await run(['ip', 'neigh', 'flush', 'to', address, 'dev', device])
    }
  } catch (error) {
    process.stderr.write(
      `neighbour of ${device}: ${error instanceof Error ? error.message : String(error)}\n`,
    )
  }
}

async function listen6(): Promise<Socket> {
  const socket = createSocket({
    type: 'udp6',
    ipv6Only: true,
    // every destination is an address already, and Node's own lookup loses the link that it belongs to
    lookup: (hostname, _, callback) => setImmediate(() => callback(null, hostname, 6)),
  })
  socket.on('message', (message, { address, port }) => {
    const guest = served.get(address.split('%')[1] ?? '')?.port
    const answer = guest?.ipv6
      ? answerDhcp6(message, { address: guest.ipv6, mac: guest.mac, dns: guest.dns6 })
      : undefined
    if (guest && answer) void relearn(guest).then(() => socket.send(answer, port, address))
  })
  socket.bind(dhcp6ServerPort)
  await once(socket, 'listening')
  return socket
}

const socket6 = await listen6()
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as ResponderRequest
  let error: string | undefined
  try {
    if (request.op === 'add') await add(socket6, request.port)
    else await remove(request.device)
  } catch (cause) {
    if (request.op === 'add') await remove(request.port.device)
    error = cause instanceof Error ? cause.message : String(cause)
  }
  process.stdout.write(`${JSON.stringify({ id: request.id, ...(error === undefined ? {} : { error }) })}\n`)
}
process.exit(0)
