/** Reads what script.ts prints. Pure, and strict: what is not as Linux documents it is an error, never a zero. */
import { MeasurementError } from '../../core/errors.ts'
import { partMark } from './script.ts'

/** Everything counted since the machine's start. */
export interface Reading {
  /** Since the start, by a clock that nobody sets. */
  readonly uptimeSeconds: number
  readonly cores: Cores
  /** By name, of all cores together. */
  readonly softirqs: ReadonlyMap<string, number>
  readonly interfaces: ReadonlyMap<string, InterfaceCounts>
  readonly tcp: { readonly segmentsSent: number; readonly segmentsRetransmitted: number }
  /** By device, what its driver counts as lost. */
  readonly drivers: ReadonlyMap<string, ReadonlyMap<string, number>>
}

/** By the kernel's number of the core. */
export type Cores = ReadonlyMap<number, CoreTimes>

/** Ticks, as /proc/stat has them (proc_stat(5)). */
export interface CoreTimes {
  readonly user: number
  readonly system: number
  readonly idle: number
  readonly irq: number
  readonly softirq: number
  readonly steal: number
}

export interface InterfaceCounts {
  readonly receivedBytes: number
  readonly receivedPackets: number
  readonly receiveErrors: number
  readonly receiveDropped: number
  readonly sentBytes: number
  readonly sentPackets: number
  readonly sendErrors: number
  readonly sendDropped: number
}

export interface SeriesPoint {
  readonly uptimeSeconds: number
  readonly cores: Cores
}

export interface SamplerOutput {
  readonly first: Reading
  /** Absent where the machine has no Bash. */
  readonly second?: { readonly reading: Reading; readonly series: readonly SeriesPoint[] }
}

type Parts = readonly (readonly [name: string, text: string])[]

/** What the sampler wrote. @throws MeasurementError naming the part that is missing or not understood */
export function parseSampling(text: string): SamplerOutput {
  const parts = partsOf(text)
  const ready = parts.findIndex(([name]) => name === 'ready')
  if (ready < 0) throw unreadable('its first reading is incomplete')
  const [before, after] = [parts.slice(0, ready), parts.slice(ready + 1)]
  const first = readingOf(before)
  if (after.length === 0) return { first }
  if (after.at(-1)?.[0] !== 'end') throw unreadable('its second reading is incomplete')
  return { first, second: { reading: readingOf(after), series: pointsOf(partOf(after, 'series')) } }
}

/** One reading. @throws MeasurementError */
export function parseReading(text: string): Reading {
  const parts = partsOf(text)
  if (parts.at(-1)?.[0] !== 'end') throw unreadable('its reading is incomplete')
  return readingOf(parts)
}

function partsOf(text: string): Parts {
  return text
    .split(partMark)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n')
      return [part.slice(0, end), part.slice(end + 1)]
    })
}

function partOf(parts: Parts, name: string): string {
  const found = parts.find(([each]) => each === name)
  if (!found) throw unreadable(`its ${name} are missing`)
  return found[1]
}

function readingOf(parts: Parts): Reading {
  return {
    uptimeSeconds: uptimeOf(partOf(parts, 'uptime')),
    cores: coresOf(linesOf(partOf(parts, 'cores'))),
    softirqs: softirqsOf(linesOf(partOf(parts, 'softirqs'))),
    interfaces: interfacesOf(linesOf(partOf(parts, 'interfaces'))),
    tcp: tcpOf(linesOf(partOf(parts, 'tcp'))),
    drivers: driversOf(linesOf(partOf(parts, 'drivers'))),
  }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}

function uptimeOf(text: string): number {
  const [, seconds] = /^(\d+\.\d+)( |$)/m.exec(text) ?? []
  if (seconds === undefined) throw unreadable(`/proc/uptime says ${quoted(text)}`)
  return Number(seconds)
}

/** Columns: user, nice, system, idle, waiting for I/O, irq, softirq, steal; guests' time is in user and nice already. */
function coresOf(lines: readonly string[]): Cores {
  const cores = lines.map((line) => {
    const [, core] = /^cpu(\d+)( \d+){8,}$/.exec(line) ?? []
    if (core === undefined) throw unreadable(`/proc/stat says ${quoted(line)}`)
    const [user, nice, system, idle, waiting, irq, softirq, steal] = line.split(' ').slice(1).map(Number)
    const times = {
      user: user! + nice!,
      system: system!,
      idle: idle! + waiting!,
      irq: irq!,
      softirq: softirq!,
      steal: steal!,
    }
    return [Number(core), times] as const
  })
  if (cores.length === 0) throw unreadable('/proc/stat names no core')
  return new Map(cores)
}

/** A heading with the cores, then per kind a column for each. */
function softirqsOf([heading = '', ...lines]: readonly string[]): Map<string, number> {
  if (!/^\s*CPU\d/.test(heading)) throw unreadable(`/proc/softirqs begins with ${quoted(heading)}`)
  return new Map(
    lines.map((line) => {
      const [, name, counts] = /^\s*(\w+):((?:\s+\d+)+)\s*$/.exec(line) ?? []
      if (name === undefined || counts === undefined) throw unreadable(`/proc/softirqs says ${quoted(line)}`)
      const sum = numbersOf(counts).reduce((total, count) => total + count, 0)
      return [name, sum]
    }),
  )
}

/** Two headings, then per interface: 8 columns of what was received, 8 of what was sent. What was missed counts as dropped there. */
function interfacesOf([, heading = '', ...lines]: readonly string[]): Map<string, InterfaceCounts> {
  if (!/bytes\s+packets\s+errs\s+drop.*bytes\s+packets\s+errs\s+drop/.test(heading))
    throw unreadable(`/proc/net/dev has the columns ${quoted(heading)}`)
  return new Map(
    lines.map((line) => {
      const [, name, counts] = /^\s*(\S+):(\s*\d+(?:\s+\d+){15})\s*$/.exec(line) ?? []
      if (name === undefined || counts === undefined) throw unreadable(`/proc/net/dev says ${quoted(line)}`)
      const [receivedBytes, receivedPackets, receiveErrors, receiveDropped, , , , , ...sent] = numbersOf(
        counts,
      ) as [number, number, number, number, ...number[]]
      const [sentBytes, sentPackets, sendErrors, sendDropped] = sent as [number, number, number, number]
      const received = { receivedBytes, receivedPackets, receiveErrors, receiveDropped }
      return [name, { ...received, sentBytes, sentPackets, sendErrors, sendDropped }]
    }),
  )
}

/** A line of names and one of values (RFC 1213's counters, by name: kernels add columns). */
function tcpOf([names = '', values = '']: readonly string[]): Reading['tcp'] {
  const columns = names.split(' ')
  const value = (name: string): number => {
    const found = values.split(' ')[columns.indexOf(name)]
    if (!columns.includes(name) || !/^\d+$/.test(found ?? ''))
      throw unreadable(`/proc/net/snmp has no ${name}`)
    return Number(found)
  }
  return { segmentsSent: value('OutSegs'), segmentsRetransmitted: value('RetransSegs') }
}

function driversOf(lines: readonly string[]): Map<string, Map<string, number>> {
  const devices = new Map<string, Map<string, number>>()
  let current: Map<string, number> | undefined
  for (const line of lines) {
    const [, device] = /^device (\S+)$/.exec(line) ?? []
    const [, name, count] = /^\s*(.+): (\d+)$/.exec(line) ?? []
    if (device !== undefined) devices.set(device, (current = new Map()))
    else if (current && name !== undefined) current.set(name, Number(count))
    else throw unreadable(`ethtool -S says ${quoted(line)}`)
  }
  return devices
}

function pointsOf(text: string): SeriesPoint[] {
  const points = text.split(/^(?=\d+\.\d+$)/m).filter(Boolean)
  return points.map((point) => {
    const [uptime = '', ...lines] = linesOf(point)
    const ofCores = lines.filter((line) => /^cpu\d/.test(line)) // the first line sums them up
    return { uptimeSeconds: uptimeOf(uptime), cores: coresOf(ofCores) }
  })
}

function numbersOf(text: string): number[] {
  return text.trim().split(/\s+/).map(Number)
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 120))
}

function unreadable(what: string): MeasurementError {
  return new MeasurementError(`its counters cannot be read: ${what}`)
}
