/** What a machine's own counters say of one repetition: differences between a reading before it and one after it. */

export interface MachineCounters {
  readonly machine: string
  readonly role: 'guest' | 'hypervisor'
  /** Which ends of the flows it is, or is the hypervisor of. */
  readonly ends?: readonly ('sender' | 'receiver')[] | undefined
  /** Between the two readings, by the machine's clock. */
  readonly seconds: number
  /** In the order of the kernel's numbers. */
  readonly cores: readonly CoreUse[]
  /** By the kernel's name (`NET_RX`): how many ran, on all cores together. */
  readonly softirqs?: Readonly<Record<string, number>> | undefined
  readonly interfaces: readonly InterfaceUse[]
  /** `Tcp:` of /proc/net/snmp. */
  readonly tcp?: { readonly segmentsSent: number; readonly segmentsRetransmitted: number } | undefined
  /** The cores' busy share over time. */
  readonly cpuSeries?: CpuSeries | undefined
}

/** Shares of the time between the readings, 0 to 1. */
export interface CoreUse {
  readonly core: number
  /** All but idle and waiting for I/O. */
  readonly busy: number
  readonly user: number
  readonly system: number
  readonly softirq: number
  /** In hardware interrupts. */
  readonly irq?: number | undefined
  /** Taken by the hypervisor below; 0 where there is none. */
  readonly steal: number
  /** `busy` since the repetition before, while nothing was measured: a polling thread keeps its core busy then too. */
  readonly busyAtRest?: number | undefined
}

/** Differences of the counters of /sys/class/net/<name>/statistics. */
export interface InterfaceUse {
  readonly name: string
  readonly receivedBytes: number
  readonly receivedPackets: number
  readonly receiveDropped: number
  readonly receiveErrors: number
  readonly sentBytes: number
  readonly sentPackets: number
  readonly sendDropped: number
  readonly sendErrors: number
  /** What its driver counts as lost, by the driver's name (`ethtool -S`), where anything was. */
  readonly driverDrops?: Readonly<Record<string, number>> | undefined
}

export interface CpuSeries {
  /** Of the first point, in milliseconds since 1970 by the controller's clock. */
  readonly startMs: number
  /** Per point: seconds from `startMs` to its end, then the busy share of each core. */
  readonly points: readonly (readonly number[])[]
}

/** A likely cause of what was measured, found by a rule; it changes no verdict. */
export interface Cause {
  readonly rule:
    | 'core-busy'
    | 'retransmits'
    | 'nic-drops'
    | 'one-thread'
    | 'mss'
    | 'ceiling-reached'
    | 'software-path-busy'
  /** Whole, with figures: names machine, end and repetition. */
  readonly message: string
  readonly machine?: string | undefined
}
