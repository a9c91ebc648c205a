/**
 * The flight recorder: after a failure, and before anything is put back, what all machines tell, gathered side by side within a
 * time bound. It changes nothing on them, and throws nothing: what cannot be had says why.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchConfig, HypervisorConfig } from '../../config/index.ts'
import { describeError } from '../../core/errors.ts'
import { type FlightPiece, pieceBytes } from '../../core/flight.ts'
import { dpserviceEvidence } from '../../dataplane/dpservice/flight.ts'
import { consoleSince, markConsole } from '../../machine/console-log.ts'
import { Hypervisor } from '../../machine/hypervisor.ts'
import type { VirtualMachine } from '../../machine/virtual-machine.ts'
import type { RemoteHost } from '../../transport/host.ts'
import { connectHost } from '../../transport/ssh/connect.ts'
import { hypervisorAddress, vmAddress } from '../addresses.ts'
import { describeHolder, readHypervisorLease } from '../hypervisor-lease.ts'
import { type Probe, guestProbes, hypervisorProbes } from './probes.ts'
import { parsePieces, probeCommand } from './script.ts'

/** Machines as far as they were reached, by name. */
export interface ReachedMachines {
  readonly hypervisors: ReadonlyMap<string, Hypervisor>
  readonly vms: ReadonlyMap<string, VirtualMachine>
  /** Whether the hypervisors are this run's alone. Else they are asked whose they are first: nobody's measuring is disturbed. */
  readonly leased: boolean
}

export interface GatherOptions extends ReachedMachines {
  readonly config: BenchConfig
  readonly runId: string
  readonly limitMs: number
}

/** Of the time that there is, for a connection that was lost or never made. */
const connectingShare = 0.4

export async function gatherFlight(options: GatherOptions): Promise<FlightPiece[]> {
  const ends = performance.now() + options.limitMs
  const machines = options.config.hypervisors.map(async (hypervisor) => {
    await using opened = await openHypervisor(options, hypervisor)
    const others = options.leased ? undefined : await usedByOthers(opened.machine)
    if (others !== undefined) return notAsked(hypervisor, others)
    const gathering = [
      fromHypervisor(options, hypervisor, opened, ends),
      ...hypervisor.vms.map(async (vm) => {
        await using guest = await openGuest(options, opened.machine, vm)
        return await fromMachine(vm.name, guestProbes, guest, ends)
      }),
    ]
    return (await Promise.all(gathering)).flat()
  })
  return (await Promise.all(machines)).flat()
}

/** Why a hypervisor and its guests are not to be asked. */
async function usedByOthers(hypervisor: Hypervisor | undefined): Promise<string | undefined> {
  if (!hypervisor) return undefined
  const asked = await within(readHypervisorLease(hypervisor.ssh), performance.now() + 2000)
  if ('why' in asked) return `not asked, for it is not known whether somebody measures there: ${asked.why}`
  return asked.value && `not asked, for somebody may measure there: ${describeHolder(asked.value)}`
}

function notAsked({ name, vms }: HypervisorConfig, missing: string): FlightPiece[] {
  return [name, ...vms.map((vm) => vm.name)].map((machine) => ({
    ...piece(machine, { name: 'everything', command: 'dpbench lease' }),
    missing,
  }))
}

/** A machine that answers, or why it does not; what was connected for this is closed. */
type Opened<T> = AsyncDisposable & { readonly machine?: T | undefined; readonly why?: string }

function standing<T>(machine: T): Opened<T> {
  return { machine, [Symbol.asyncDispose]: async () => undefined }
}

async function opening<T extends AsyncDisposable>(connect: () => Promise<T>): Promise<Opened<T>> {
  try {
    const machine = await connect()
    // closing waits for a machine that may not answer any more
    return { machine, [Symbol.asyncDispose]: async () => void closeQuietly(machine) }
  } catch (error) {
    return { why: `no connection: ${describeError(error)}`, [Symbol.asyncDispose]: async () => undefined }
  }
}

async function closeQuietly(machine: AsyncDisposable): Promise<void> {
  try {
    await machine[Symbol.asyncDispose]()
  } catch {
    // it was lost meanwhile: then it is closed
  }
}

async function openHypervisor(
  { config, hypervisors, limitMs }: GatherOptions,
  hypervisor: HypervisorConfig,
): Promise<Opened<Hypervisor>> {
  const known = hypervisors.get(hypervisor.name)
  if (known?.ssh.connected) return standing(known)
  const timeoutMs = limitMs * connectingShare
  return opening(() => Hypervisor.connect(hypervisorAddress(config, hypervisor), { timeoutMs }))
}

async function openGuest(
  { config, vms, limitMs }: GatherOptions,
  hypervisor: Hypervisor | undefined,
  vm: HypervisorConfig['vms'][number],
): Promise<Opened<RemoteHost & AsyncDisposable>> {
  const known = vms.get(vm.name)
  if (known?.connected) return standing(known.ssh)
  if (!hypervisor)
    return {
      why: `its hypervisor ${vm.hypervisor} cannot be reached`,
      [Symbol.asyncDispose]: async () => undefined,
    }
  const via = hypervisor.ssh
  return opening(() => connectHost(vmAddress(config, vm), { via, timeoutMs: limitMs * connectingShare }))
}

async function fromHypervisor(
  { runId }: GatherOptions,
  config: HypervisorConfig,
  { machine, why }: Opened<Hypervisor>,
  ends: number,
): Promise<FlightPiece[]> {
  const probes = hypervisorProbes(config.vms.map((vm) => vm.name))
  if (!machine) return probes.map((probe) => ({ ...piece(config.name, probe), missing: why }))
  const [probed, consoles, dataplane] = await Promise.all([
    fromMachine(config.name, probes, standing(machine.ssh), ends),
    Promise.all(config.vms.map((vm) => consoleOf(machine.ssh, vm.name, ends))),
    dpserviceEvidence(machine, {
      runId,
      ealArguments: config.dpservice.ealArguments,
      vnis: [...new Set(config.vms.map((vm) => vm.vni))],
      ends,
    }),
  ])
  return [...probed, ...consoles, ...dataplane]
}

async function fromMachine(
  name: string,
  probes: readonly Probe[],
  { machine, why }: Opened<RemoteHost>,
  ends: number,
): Promise<FlightPiece[]> {
  if (!machine) return probes.map((probe) => ({ ...piece(name, probe), missing: why }))
  const lanes = [...Map.groupBy(probes, ({ lane }) => lane)]
  const gathered = lanes.map(([lane, some]) => askLane(name, { lane, probes: some }, machine, ends))
  return (await Promise.all(gathered)).flat()
}

async function askLane(
  name: string,
  { lane, probes }: { readonly lane: string; readonly probes: readonly Probe[] },
  host: RemoteHost,
  ends: number,
): Promise<FlightPiece[]> {
  const timeoutMs = Math.max(1, ends - performance.now())
  const asked = host.tryRun(probeCommand(probes), {
    timeoutMs,
    as: { kind: 'command', name: `flight recorder: ${lane}` },
  })
  const result = await within(asked, ends + 1500)
  if ('why' in result) return parsePieces(name, probes, '', result.why)
  const { stdout, timedOut, stderr } = result.value
  const why = timedOut
    ? 'the time for it was over'
    : `the shell ended before it: ${stderr.trim().slice(-200)}`
  return parsePieces(name, probes, stdout, why)
}

async function consoleOf(hypervisor: RemoteHost, guest: string, ends: number): Promise<FlightPiece> {
  const found = { command: '', file: '' }
  const read = async (): Promise<string | undefined> => {
    const console = await markConsole(hypervisor, guest)
    if (!console) return undefined
    found.command = `tail -c ${pieceBytes.log} ${console.file}`
    return consoleSince(hypervisor, { ...console, bytes: 0 })
  }
  const result = await within(read(), ends)
  const command = found.command || `virsh dumpxml --domain ${guest}`
  const asked = { ...piece(hypervisor.name, { name: `console-of-${guest}`, command }), keep: 'end' as const }
  if ('why' in result) return { ...asked, missing: result.why }
  if (result.value === undefined)
    return { ...asked, missing: `${guest} is no libvirt domain with its console in a file` }
  return { ...asked, text: result.value, cut: Buffer.byteLength(result.value) > pieceBytes.log }
}

/** The work's value, or why there is none: also when a connection hangs, so that nothing waits for it. */
async function within<T>(
  work: Promise<T>,
  ends: number,
): Promise<{ readonly value: T } | { readonly why: string }> {
  const waiting = new AbortController()
  try {
    return await Promise.race([
      work.then((value) => ({ value })),
      delay(
        Math.max(1, ends - performance.now()),
        { why: 'the time for it was over' },
        { signal: waiting.signal },
      ),
    ])
  } catch (error) {
    return { why: describeError(error) }
  } finally {
    waiting.abort()
  }
}

function piece(
  machine: string,
  {
    name,
    command,
    keep = 'end',
    mostBytes = pieceBytes.log,
  }: Partial<Probe> & Pick<Probe, 'name' | 'command'>,
): Pick<FlightPiece, 'machine' | 'name' | 'command' | 'keep' | 'mostBytes'> {
  return { machine, name, command, keep, mostBytes }
}
