/** What runs of a lab: every host, its init, its daemons and its addresses. */
import { join } from 'node:path'
import { controllerName } from './controller.ts'
import { daemonPid } from './daemons/daemon.ts'
import type { GuestKind } from './options.ts'
import { labPaths } from './paths.ts'
import { readInit } from './state/processes.ts'
import { type LabState, labNames, readState } from './state/state.ts'

export interface HostStatus {
  readonly name: string
  readonly kind: 'controller' | 'hypervisor' | 'guest'
  readonly address?: string
  /** Of its init, as the machine counts; `undefined` when it does not run. */
  readonly pid: number | undefined
  readonly daemons: readonly { readonly name: string; readonly alive: boolean }[]
}

export interface LabStatus {
  readonly name: string
  /** `broken`: it was up, and part of it does not run any more; `half-made`: its `lab up` was killed or still works. */
  readonly state: 'up' | 'broken' | 'half-made'
  readonly guests: GuestKind | undefined
  readonly managementNetwork: string | undefined
  readonly registry: string | undefined
  readonly configFile: string | undefined
  readonly hosts: readonly HostStatus[]
}

/** The labs of this machine, or the one called `name`: an empty list when there is none. */
export async function labStatus(name?: string): Promise<LabStatus[]> {
  const names = (await labNames()).filter((each) => name === undefined || each === name)
  return Promise.all(names.map(async (each) => statusOf(each, await readState(each))))
}

async function statusOf(name: string, state: LabState | undefined): Promise<LabStatus> {
  const hosts = state ? await hostsOf(state) : []
  const up = state?.phase === 'up'
  return {
    name,
    state: !up ? 'half-made' : hosts.some((host) => faultsOfHost(host).length > 0) ? 'broken' : 'up',
    guests: state?.spec.guests,
    managementNetwork: state ? `${state.block}.0/24` : undefined,
    registry: state?.description?.registry,
    configFile: up ? state.description?.configFile : undefined,
    hosts,
  }
}

/** One sentence for everything that should run and does not. */
export async function faultsOf(state: LabState): Promise<string[]> {
  return (await hostsOf(state)).flatMap(faultsOfHost)
}

function faultsOfHost({ name, pid, daemons }: HostStatus): string[] {
  if (pid === undefined) return [`${name} does not run`]
  return daemons.filter(({ alive }) => !alive).map((daemon) => `${daemon.name} of ${name} does not run`)
}

async function hostsOf(state: LabState): Promise<HostStatus[]> {
  const { name: lab, description, spec } = state
  const paths = labPaths(lab)
  const controller = hostStatus(lab, controllerName, 'controller', paths.host(controllerName), [
    'docker-registry',
    'dockerd',
  ])
  const hypervisors = spec.hypervisors.flatMap(({ name, vms }) => {
    const known = description?.hypervisors.find((each) => each.name === name)
    const hypervisor = hostStatus(
      lab,
      name,
      'hypervisor',
      paths.host(name),
      ['sshd', 'libvirtd', 'dockerd'],
      known?.address,
    )
    if (spec.guests !== 'namespace') return [hypervisor]
    return [
      hypervisor,
      ...vms.map((vm) => {
        const address = known?.vms.find((each) => each.name === vm)?.guest?.address
        return hostStatus(lab, vm, 'guest', paths.guest(name, vm), ['sshd'], address)
      }),
    ]
  })
  return Promise.all([controller, ...hypervisors])
}

async function hostStatus(
  lab: string,
  name: string,
  kind: HostStatus['kind'],
  folder: string,
  daemons: readonly string[],
  address?: string,
): Promise<HostStatus> {
  const pid = await readInit(folder, lab, name)
  const alive = async (daemon: string): Promise<boolean> =>
    pid !== undefined && typeof (await daemonPid({ lab, name, folder, pid }, daemon)) === 'number'
  return {
    name,
    kind,
    ...(address === undefined ? {} : { address }),
    pid,
    daemons: await Promise.all(daemons.map(async (daemon) => ({ name: daemon, alive: await alive(daemon) }))),
  }
}

/** Where a running host of a lab lives, by its name. */
export async function findHost(lab: string, machine: string): Promise<{ folder: string } | undefined> {
  const state = await readState(lab)
  if (!state) return undefined
  const paths = labPaths(lab)
  if (machine === controllerName) return { folder: paths.host(machine) }
  for (const { name, vms } of state.spec.hypervisors) {
    if (machine === name) return { folder: paths.host(name) }
    if (vms.includes(machine) && state.spec.guests === 'namespace')
      return { folder: join(paths.guest(name, machine)) }
  }
  return undefined
}
