/** What traffic tools print after a measurement in which all went as it should. The figures are nobody's: they are shown nowhere. */
import type { Client } from './world.ts'

/** Of each flow, bit/s, where the command asks for no other. */
const usualRate = 1e9

export function optionOf(argv: readonly string[], ...names: readonly string[]): string | undefined {
  const at = argv.findLastIndex((argument) => names.includes(argument))
  return at < 0 ? undefined : argv[at + 1]
}

/** How long a traffic tool runs; 0 for what ends at once, and for servers. */
export function secondsOf(argv: readonly string[]): number {
  if (argv.includes('ping')) {
    const [count, interval] = [optionOf(argv, '-c'), optionOf(argv, '-i')]
    return argv.includes('-D') ? Number(count ?? 0) * Number(interval ?? 1) : 0
  }
  return Number(optionOf(argv, '-t') ?? 0)
}

export function datagramsOf({ argv, seconds }: Client): { payloadBytes: number; packets: number } {
  const payloadBytes = Number(optionOf(argv, '-l') ?? 1460)
  const rate = Number(optionOf(argv, '-b') ?? 0) || usualRate
  return { payloadBytes, packets: Math.round((rate / 8 / payloadBytes) * seconds) }
}

/** `iperf3 -J` on one end of a flow. */
export function iperf3Json(client: Client, side: 'client' | 'server'): string {
  const { argv, seconds, from, to, seenAs, launchedAtMs } = client
  const udp = argv.includes('-u')
  const reversed = argv.includes('-R')
  const sender = (side === 'client') !== reversed
  const { payloadBytes, packets } = datagramsOf(client)
  const perSecond = Math.round(packets / seconds)
  const bytes = udp ? perSecond * payloadBytes : usualRate / 8
  const datagrams = udp && { packets: perSecond, ...(!sender && { lost_packets: 0, jitter_ms: 0.01 }) }
  const intervals = Array.from({ length: seconds }, (_, start) => ({
    streams: [
      { start, end: start + 1, bytes, sender, ...(sender && !udp && { retransmits: 0 }), ...datagrams },
    ],
  }))
  const [local, remote] = side === 'client' ? [from, to] : [to, seenAs]
  return JSON.stringify({
    start: {
      version: 'iperf 3.16',
      timestamp: { timesecs: Math.floor(launchedAtMs / 1000), timemillisecs: launchedAtMs },
      connected: [
        {
          local_host: local.host,
          local_port: local.port,
          remote_host: remote.host,
          remote_port: remote.port,
        },
      ],
      ...(side === 'server' && { accepted_connection: {} }),
      test_start: {
        protocol: udp ? 'UDP' : 'TCP',
        num_streams: 1,
        duration: seconds,
        reverse: reversed ? 1 : 0,
      },
    },
    intervals,
    end: { sum_received: { bytes: bytes * seconds, bits_per_second: bytes * 8 } },
  })
}

/** `iperf -y C` of one end, for its connections. */
export function iperf2Csv(clients: readonly Client[]): string {
  return clients
    .flatMap(({ from, to, seconds }) => {
      const ends = `${from.host},${from.port},${to.host},${to.port},1`
      const line = (start: number, end: number): string =>
        `20260101000000.000,${ends},${start}.0-${end}.0,${((end - start) * usualRate) / 8},${usualRate}`
      return [...Array.from({ length: seconds }, (_, start) => line(start, start + 1)), line(0, seconds)]
    })
    .join('\n')
}

/** `sockperf ping-pong --full-rtt` */
export function sockperfText(seconds: number): string {
  const percentiles = ['99.900', '99.000', '90.000', '50.000'].map((share) => `percentile ${share} = 50.000`)
  return [
    `[Valid Duration] RunTime=${seconds}.000 sec; SentMessages=1000; ReceivedMessages=1000`,
    '# dropped messages = 0; # duplicated messages = 0',
    '<MAX> observation = 60.000',
    ...percentiles,
  ].join('\n')
}

export function pingText(argv: readonly string[], nowMs: number): string {
  const count = Number(optionOf(argv, '-c') ?? 1)
  const interval = Number(optionOf(argv, '-i') ?? 1)
  const echoes = argv.includes('-D')
    ? Array.from({ length: count }, (_, index) => {
        const at = (nowMs / 1000 + index * interval).toFixed(6)
        return `[${at}] 64 bytes from ${argv.at(-1)}: icmp_seq=${index + 1} ttl=64 time=0.1 ms`
      })
    : []
  return [
    ...echoes,
    `${count} packets transmitted, ${count} received, 0% packet loss, time 0ms`,
    'rtt min/avg/max/mdev = 0.1/0.1/0.1/0.0 ms',
  ].join('\n')
}
