/**
 * `dpbench doctor`: all that the controller and each hypervisor of a config need, checked at once, hosts side by side.
 * Facts are gathered in a few commands per host (`gather-host.ts`), and judged by pure functions (`checks/`).
 */
import { randomUUID } from 'node:crypto'
import {
  type BenchConfig,
  type HypervisorConfig,
  type LoadConfigOptions,
  loadConfig,
} from '../config/index.ts'
import { ConfigError, ExitCode, HostKeyError } from '../core/errors.ts'
import { hypervisorAddress } from '../environment/addresses.ts'
import { Hypervisor } from '../machine/hypervisor.ts'
import { dockerSocket } from '../transport/docker/docker-over-ssh.ts'
import { accessChecks } from './checks/access.ts'
import { dockerChecks } from './checks/docker.ts'
import { libvirtChecks } from './checks/libvirt.ts'
import { memoryChecks } from './checks/memory.ts'
import { networkChecks } from './checks/network.ts'
import { smartNicChecks } from './checks/smart-nic.ts'
import { systemChecks } from './checks/system.ts'
import { type ControllerFacts, controllerChecks, gatherController } from './controller.ts'
import { type Finding, type Judgement, fault, notApplicable, ok } from './finding.ts'
import { gatherHost, oneLine } from './gather-host.ts'
import { gatherGuest, guestChecks } from './guests.ts'
import type { HostFacts } from './host-facts.ts'
import { type HypervisorNeeds, needsOf } from './needs.ts'

export interface DoctorOptions extends LoadConfigOptions {
  /** What a lab on this machine lacks: asked with the config's file, or without one where there is none. */
  readonly lab?: ((configFile: string | undefined) => Promise<Judgement>) | undefined
  /** The socket of the engine that a lab has for the controller; `undefined` where the config is not a lab's. */
  readonly labEngine?: ((configFile: string) => Promise<string | undefined>) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Diagnosis {
  /** Where there is one that can be loaded. */
  readonly config?: BenchConfig
  /** In what `--fix` makes. */
  readonly label: string
  readonly findings: readonly Finding[]
}

/** Together with a guest's: the whole doctor takes less than ten seconds, also where nothing answers. */
const connectTimeoutMs = 4000
const guestTimeoutMs = 4500

export async function diagnose(options: DoctorOptions): Promise<Diagnosis> {
  const cwd = options.cwd ?? process.cwd()
  const env = options.env ?? process.env
  const label = `dpbench doctor ${randomUUID().slice(0, 8)}`
  const loaded = await loadConfig(options).catch((error: unknown) => {
    if (error instanceof ConfigError) return error
    throw error
  })
  const config = loaded instanceof ConfigError ? undefined : loaded
  const [controller, lab, hosts] = await Promise.all([
    controllerOf(config, cwd, env, options),
    options.lab?.(config?.sourceFile),
    Promise.all((config?.hypervisors ?? []).map((each) => examine(config!, each, label, options.signal))),
  ])
  options.signal?.throwIfAborted()
  const own = [...configFindings(loaded), ...controllerChecks(controller), ...(lab ? [lab] : [])]
  const none = config
    ? []
    : [notApplicable('hypervisors', 'no config says which; with one, each of them is checked')]
  return {
    ...(config && { config }),
    label,
    findings: [...[...own, ...none].map((each) => ({ machine: 'controller', ...each })), ...hosts.flat()],
  }
}

async function controllerOf(
  config: BenchConfig | undefined,
  cwd: string,
  env: NodeJS.ProcessEnv,
  { labEngine }: DoctorOptions,
): Promise<ControllerFacts> {
  return gatherController(config, cwd, env, config && (await labEngine?.(config.sourceFile)))
}

/** 0 without a fault, 2 when one is the config's, else 3. */
export function exitCodeOf(findings: readonly Finding[]): ExitCode {
  const faults = findings.filter(({ status }) => status === 'fault')
  if (faults.length === 0) return ExitCode.passed
  return faults.some(({ inConfig }) => inConfig) ? ExitCode.usage : ExitCode.infrastructure
}

function configFindings(loaded: BenchConfig | ConfigError): Judgement[] {
  const check = 'config'
  if (!(loaded instanceof ConfigError)) return [ok(check, loaded.sourceFile)]
  const [first = ''] = loaded.message.split('\n')
  const file = /^(.*) has (?:a fault|\d+ faults):$/.exec(first)?.[1]
  if (file !== undefined)
    return loaded.faults.map((each) => ({ ...fault(check, each, `correct it in ${file}`), inConfig: true }))
  const advice = loaded.faults.join('; ') || 'name a file with --env-config-file FILE'
  return [{ ...fault(check, first, advice), inConfig: true }]
}

/** Every check of a hypervisor whose facts are known. Pure. */
export function judge(facts: HostFacts, needs: HypervisorNeeds, label: string): Judgement[] {
  const docker =
    needs.dataplane === 'none'
      ? [notApplicable('Docker', 'the config has "dataplane": "none": no container is run')]
      : dockerChecks(facts, dockerSocket)
  const daemons = [...libvirtChecks(facts, needs, label), ...docker]
  if (!facts.system.complete) {
    const late = fault(
      'system',
      'did not tell everything in time: a mount, a device or nft hangs there',
      'dmesg | tail; df; type dpbench doctor again',
    )
    return [...accessChecks(facts, needs), late, ...daemons]
  }
  return [
    ...accessChecks(facts, needs),
    ...systemChecks(facts, needs),
    ...memoryChecks(facts, needs),
    ...smartNicChecks(facts, needs),
    ...daemons,
    ...networkChecks(facts, needs, label),
  ]
}

async function examine(
  config: BenchConfig,
  hypervisor: HypervisorConfig,
  label: string,
  signal: AbortSignal | undefined,
): Promise<Finding[]> {
  const address = hypervisorAddress(config, hypervisor)
  const { name, vms } = hypervisor
  const where = `${address.user}@${address.address}:${address.port}`
  const of = (machine: string, judgements: readonly Judgement[]): Finding[] =>
    judgements.map((each) => ({ machine, ...each }))
  const needs = needsOf(config, hypervisor)
  try {
    await using connected = await Hypervisor.connect(address, { timeoutMs: connectTimeoutMs, signal })
    const [facts, guests] = await Promise.all([
      gatherHost(connected, needs),
      Promise.all(vms.map((vm) => gatherGuest(config, vm, connected.ssh, guestTimeoutMs))),
    ])
    const key = hypervisor.hostKey === undefined ? 'the one in known_hosts' : 'the one in the config'
    return [
      ...of(name, [ok('connection', where), ok('host key', key), ...judge(facts, needs, label)]),
      ...vms.flatMap((vm, index) => of(vm.name, guestChecks(guests[index]!, vm))),
    ]
  } catch (error) {
    signal?.throwIfAborted()
    const rest = notApplicable('everything else', 'there is no connection')
    return of(name, [connectionFault(error, hypervisor, where), rest])
  }
}

function connectionFault(error: unknown, { address, port }: HypervisorConfig, where: string): Judgement {
  const found = oneLine(error)
  const scan = `ssh-keyscan -p ${port} ${address} | ssh-keygen -lf -`
  if (error instanceof HostKeyError || /no host key is known/.test(found)) {
    return fault(
      'host key',
      found,
      `compare ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the machine with ${scan} here, then write that key into "host_key"`,
    )
  }
  return fault('connection', found, `ssh -p ${port} ${where.replace(/:\d+$/, '')} true; is the machine up?`)
}
