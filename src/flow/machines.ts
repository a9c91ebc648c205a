/**
 * The two machines of a config that flows run between. With a mode the environment is opened as for a run: the data plane
 * is deployed, guests are made ready, the two reach each other, and everything is put back. Without one nothing is
 * changed on any machine: what is there is used.
 */
import { Environment, type EnvironmentOptions, journalFile } from '../environment/environment.ts'
import { hypervisorAddress, vmAddress } from '../environment/addresses.ts'
import { undoRuns } from '../environment/run-undo.ts'
import { type BenchConfig, type Mode, environmentFolder } from '../config/index.ts'
import type { KeepLog } from '../core/kept-log.ts'
import { DisposalStack } from '../core/disposal-stack.ts'
import { DpbenchError, MeasurementError, UsageError, describeError } from '../core/errors.ts'
import { openJournal } from '../core/journal.ts'
import { suggest } from '../core/suggest.ts'
import { together } from '../core/together.ts'
import { toolJson } from '../core/tool-output.ts'
import { type GuestLink, guestLinks, hasAddress } from '../machine/guest-network.ts'
import { Hypervisor } from '../machine/hypervisor.ts'
import { type Family, VirtualMachine } from '../machine/virtual-machine.ts'
import { machineFacts, routes } from '../traffic/machine-facts.ts'
import { type PreflightPath, preflight } from '../traffic/preflight.ts'
import { serversOn } from '../traffic/server-end.ts'
import { tcpPayloadBytes } from '../verdict/ceiling.ts'
import type { FlowPath } from './measure.ts'

export interface MachineOptions {
  readonly config: BenchConfig
  /** Names of machines of the config. */
  readonly from: string
  readonly to: string
  readonly family: Family
  /** Default: the receiver's in the overlay; of a hypervisor its `host_address`. */
  readonly address?: string | undefined
  readonly deploy?: { readonly mode: Mode; readonly image: string } | undefined
  readonly runId: string
  readonly log: (line: string) => void
  /** Keeps the logs of a data plane that was deployed. */
  readonly keepLog: KeepLog
  /** Is told when what was to be deployed could not be. */
  readonly onTrouble?: EnvironmentOptions['onTrouble']
  readonly signal: AbortSignal
}

export interface OpenPath extends AsyncDisposable {
  readonly path: FlowPath
  /** What runs between the two, for the title; empty when nobody was asked. */
  readonly dataplane: string
}

/** @throws UsageError for names that the config has not; DpbenchError of whatever could not be opened */
export async function openMachines(options: MachineOptions): Promise<OpenPath> {
  requireMachines(options)
  const stack = new DisposalStack()
  try {
    const opened = options.deploy
      ? await deployed(options, options.deploy, stack)
      : await asTheyAre(options, stack)
    return { ...opened, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() }
  } catch (error) {
    await stack[Symbol.asyncDispose]().catch((undoing: unknown) => {
      options.log(`undoing failed: ${describeError(undoing)}`) // the cause is what is thrown
    })
    throw error
  }
}

function requireMachines({ config, from, to, deploy }: MachineOptions): void {
  if (deploy && config.dataplane === 'none')
    throw new UsageError(
      `--mode deploys dpservice, and ${config.sourceFile} has "dataplane": "none": leave --mode out, and what is there is measured`,
    )
  const vms = config.hypervisors.flatMap((each) => each.vms.map((vm) => vm.name))
  const names = deploy ? vms : [...vms, ...config.hypervisors.map((each) => each.name)]
  const faults = [
    ['--from', from],
    ['--to', to],
  ].flatMap(([option, name]) => {
    if (names.includes(name!)) return []
    const near = suggest(name!, names)
    const kind = deploy ? 'VM' : 'machine'
    return [
      `${option}: the config has no ${kind} ${name}${near ? `: did you mean ${near}?` : `; it has ${names.join(', ')}`}`,
    ]
  })
  if (from === to) faults.push(`--from and --to are both ${from}: name two machines`)
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
}

async function deployed(
  options: MachineOptions,
  { mode, image }: NonNullable<MachineOptions['deploy']>,
  stack: DisposalStack,
): Promise<Pick<OpenPath, 'path' | 'dataplane'>> {
  const { config, runId, signal, log, keepLog, onTrouble, family } = options
  const folder = environmentFolder(process.cwd(), config.name)
  stack.defer(() => putBackImages(folder, runId, log))
  const environment = stack.use(
    await Environment.open({
      config,
      mode,
      image,
      runId,
      folder,
      signal,
      log,
      keepLog,
      onTrouble,
    }),
  )
  const [from, to] = [environment.vms.get(options.from)!, environment.vms.get(options.to)!]
  const [sender, receiver] = [environment.guests.get(from.name)!, environment.guests.get(to.name)!]
  stack.defer(await environment.dataplane.route(from, to))
  const checked: PreflightPath = {
    from,
    to,
    receiverFacts: () => machineFacts(to, receiver.interface, from.overlayAddress(family)),
    family,
    address: options.address ?? to.overlayAddress(family),
    interface: sender.interface,
    mtuBytes: Math.min(sender.mtu, receiver.mtu),
  }
  const { lost, provenance } = environment.dataplane
  const version = [...new Set(provenance.map((each) => each.version))].join(', ')
  const segmentBytes = tcpPayloadBytes({ mtu: checked.mtuBytes, family })
  const evidence = { mode, segmentBytes, observe: () => environment.dataplane.observePath(from, to) }
  return {
    path: { ...(await pathOf(checked, to, signal)), lost, evidence },
    dataplane: `${mode}, ${version}`,
  }
}

/** Images stay through a mode; here there is no other one. */
export async function putBackImages(
  folder: string,
  runId: string,
  log: (line: string) => void,
): Promise<void> {
  const journal = await openJournal(journalFile(folder))
  const own = journal.pending('run').filter((entry) => entry.runId === runId)
  if (own.length === 0) return
  const { left } = await undoRuns(journal, own, { log })
  if (left.length === 0) return
  const what = left.map(({ entry, reason }) => `${entry.what}: ${reason}`).join('; ')
  throw new DpbenchError(`could not be put back (it stays in the journal): ${what}`)
}

async function asTheyAre(
  options: MachineOptions,
  stack: DisposalStack,
): Promise<Pick<OpenPath, 'path' | 'dataplane'>> {
  const { family, signal } = options
  const hypervisors = new Map<string, Promise<Hypervisor>>()
  const [from, to] = await together([
    connectMachine(options, options.from, hypervisors, stack),
    connectMachine(options, options.to, hypervisors, stack),
  ])
  const address =
    options.address ?? (to instanceof Hypervisor ? hostAddress(options, to.name) : to.overlayAddress(family))
  const receiverNic = await nicWith(to, address, options.address !== undefined)
  const senderNic = await nicTowards(from, address)
  const checked: PreflightPath = {
    from,
    to,
    receiverFacts: () => machineFacts(to, receiverNic?.ifname ?? 'lo', senderNic.source),
    family,
    address,
    interface: senderNic.link.ifname,
    mtuBytes: Math.min(senderNic.link.mtu, receiverNic?.mtu ?? senderNic.link.mtu),
  }
  return { path: await pathOf(checked, to, signal), dataplane: '' }
}

async function pathOf(
  checked: PreflightPath,
  to: VirtualMachine | Hypervisor,
  signal: AbortSignal,
): Promise<FlowPath> {
  const { socketBufferBytes } = await preflight(checked, signal)
  const { from, address, family } = checked
  return { from, to: serversOn(to), address, family, socketBufferBytes }
}

/** Connects the hypervisor, once for both machines, and the VM behind it. The name must be one of the config. */
export async function connectMachine(
  { config, signal }: Pick<MachineOptions, 'config' | 'signal'>,
  name: string,
  hypervisors: Map<string, Promise<Hypervisor>>,
  stack: DisposalStack,
): Promise<VirtualMachine | Hypervisor> {
  const vm = config.hypervisors.flatMap((each) => each.vms).find((each) => each.name === name)
  const host = config.hypervisors.find((each) => each.name === (vm?.hypervisor ?? name))!
  const connecting =
    hypervisors.get(host.name) ??
    Hypervisor.connect(hypervisorAddress(config, host), { signal }).then((connected) => stack.use(connected))
  hypervisors.set(host.name, connecting)
  const hypervisor = await connecting
  if (!vm) return hypervisor
  const { ipv4, ipv6, vni, macAddress } = vm
  const data = { ipv4, ipv6, vni, managementMac: macAddress }
  return stack.use(
    await VirtualMachine.connect(vmAddress(config, vm), hypervisor, data, { signal, timeoutMs: 60_000 }),
  )
}

function hostAddress({ config }: MachineOptions, name: string): string {
  return config.hypervisors.find((each) => each.name === name)!.address
}

/** An address of the user's own may stand before the machine: a NAT's, a load balancer's. */
async function nicWith(
  machine: VirtualMachine | Hypervisor,
  address: string,
  given: boolean,
): Promise<GuestLink | undefined> {
  const links = await guestLinks(machine.ssh)
  const nic = links.find((link) => hasAddress(link, address))
  if (nic || given || machine instanceof Hypervisor) return nic
  throw new MeasurementError(
    `${machine.name} does not have ${address}, its address in the config, on any interface: no data plane gave it one; ` +
      'give --mode to deploy the data plane for this measurement, or --address with one that it has',
  )
}

async function nicTowards(
  machine: VirtualMachine | Hypervisor,
  address: string,
): Promise<{ link: GuestLink; source: string }> {
  const { stdout, stderr } = await machine.ssh.tryRun(['ip', '-json', 'route', 'get', address])
  const [route] = stdout.trim() ? toolJson(routes, stdout, `${machine.name}: ip -json route`) : []
  const link = (await guestLinks(machine.ssh)).find(({ ifname }) => ifname === route?.dev)
  if (link && route?.prefsrc !== undefined) return { link, source: route.prefsrc }
  throw new MeasurementError(
    `${machine.name} has no route to ${address}${stderr.trim() ? ` (${stderr.trim()})` : ''}: ` +
      'give --mode to deploy the data plane for this measurement, or --address with one that it reaches',
  )
}
