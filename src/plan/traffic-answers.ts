/** Traffic tools on the machines of a plan: servers that wait for the clients of other machines, and what both leave behind. */
import { shellWords } from './shell-words.ts'
import { datagramsOf, iperf2Csv, iperf3Json, optionOf, secondsOf, sockperfText } from './tool-outputs.ts'
import type { Client, World } from './world.ts'

interface PortCommand {
  readonly port: number
  readonly argv: readonly string[]
}

/** The first port that a client's connection comes from. */
const firstClientPort = 40_000

/** The commands in what `processesScript` made; `undefined` for any other script. */
export function portCommands(script: string): PortCommand[] | undefined {
  const lines = [...script.matchAll(/^start (\d+) (.+)$/gm)]
  if (lines.length === 0) return undefined
  return lines.map(([, port, line]) => ({ port: Number(port), argv: shellWords(line!) }))
}

/** Runs them as `processesScript` does, and returns its output. */
export async function runProcesses(
  world: World,
  machine: string,
  commands: readonly PortCommand[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const serving = commands.some(({ argv }) => argv.includes('-s') || argv.includes('server'))
  return serving ? serve(world, machine, commands, signal) : send(world, machine, commands)
}

async function serve(
  world: World,
  machine: string,
  commands: readonly PortCommand[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const servers = commands.map(({ port }) => ({
    machine,
    port,
    served: Promise.withResolvers<readonly Client[]>(),
  }))
  world.servers.push(...servers)
  const stop = (): void => servers.forEach(({ served }) => served.resolve([]))
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop, { once: true })
  const clients = await Promise.all(servers.map(({ served }) => served.promise))
  signal?.removeEventListener('abort', stop)
  for (const server of servers) world.servers.splice(world.servers.indexOf(server), 1)
  return commands
    .map((command, index) => framed(world, command, serverOutput(command, clients[index]!)))
    .join('')
}

function serverOutput({ argv: [tool] }: PortCommand, clients: readonly Client[]): string {
  if (tool === 'iperf') return iperf2Csv(clients)
  const [client] = clients
  return tool === 'iperf3' && client ? iperf3Json(client, 'server') : ''
}

async function send(world: World, machine: string, commands: readonly PortCommand[]): Promise<string> {
  const clients = commands.map((command, index) => clientOf(world, machine, command, index))
  await world.pass(Math.max(...clients.map(({ seconds }) => seconds)))
  for (const [port, ofPort] of Map.groupBy(clients, ({ to }) => to.port)) {
    const servers = world.servers.filter((server) => server.port === port)
    servers.forEach(({ served }, place) =>
      served.resolve(ofPort.filter((_, index) => index % servers.length === place)),
    )
  }
  for (const client of clients) countSent(world, machine, client)
  return commands.map((command, index) => framed(world, command, clientOutput(clients[index]!))).join('')
}

function clientOutput(client: Client): string {
  const [tool] = client.argv
  if (tool === 'iperf') return iperf2Csv([client])
  return tool === 'iperf3' ? iperf3Json(client, 'client') : sockperfText(client.seconds)
}

function clientOf(world: World, machine: string, { port, argv }: PortCommand, index: number): Client {
  const to = {
    host: optionOf(argv, argv[0] === 'sockperf' ? '-i' : '-c') ?? '',
    port: Number(optionOf(argv, '-p') ?? port),
  }
  const family = to.host.includes(':') ? 'ipv6' : 'ipv4'
  const vm = world.vm(machine)
  const from = { host: vm?.[family] ?? '', port: firstClientPort + index }
  const nat = family === 'ipv4' ? world.nats.get(machine) : undefined
  const seenAs = nat ? { host: nat.ip, port: nat.minPort + index } : from
  return { port, argv, launchedAtMs: world.nowMs, seconds: secondsOf(argv), from, to, seenAs }
}

function countSent(world: World, machine: string, client: Client): void {
  if (!client.argv.includes('-u')) return
  const { payloadBytes, packets } = datagramsOf(client)
  const headers = client.to.host.includes(':') ? 62 : 42 // Ethernet's, IP's and UDP's
  const before = world.sent.get(machine) ?? { packets: 0, bytes: 0 }
  world.sent.set(machine, {
    packets: before.packets + packets,
    bytes: before.bytes + packets * (payloadBytes + headers),
  })
}

/** As the process script writes it. */
function framed(world: World, { port }: PortCommand, out: string): string {
  const files = { at: `${world.nowMs}000000\n`, status: '0\n', out, err: '' }
  return Object.entries(files)
    .map(([name, text]) => `${port} ${name} ${Buffer.byteLength(text)}\n${text}`)
    .join('')
}
