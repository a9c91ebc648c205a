/** From power-on to a verified SSH login: the lease, then the connection with the host key that the VM was given. */
import { ConnectionError, HostKeyError, ProvisionError, describeError } from '../src/core/errors.ts'
import { waitFor, type Probe } from '../src/core/wait.ts'
import type { RemoteHost } from '../src/transport/host.ts'
import { Virsh } from '../src/transport/libvirt/virsh.ts'
import type { ProvisionRun } from './run.ts'
import type { VmPlan } from './vm-plan.ts'

/** After this long without an answer the lease is asked for again. */
const roundMs = 30_000

/** @returns the address that the VM answers at. @throws ProvisionError with the end of the VM's console when it does not come up. */
export async function awaitVm(run: ProvisionRun, host: RemoteHost, plan: VmPlan): Promise<string> {
  const { vm } = plan
  const timeoutMs = run.config.libvirt.bootTimeoutSeconds * 1000
  const started = performance.now()
  const leftMs = (): number => Math.max(1, Math.ceil(timeoutMs - (performance.now() - started)))
  try {
    let address = await leaseOf(run, host, plan, leftMs())
    run.progress.say(host.name, `${vm.name}: has the lease ${address} after ${since(started)}`)
    while (!(await answers(run, host, plan, address, leftMs()))) {
      // libvirt remembers the lease of an earlier VM with this MAC address: the new one may have got another
      address = await leaseOf(run, host, plan, leftMs())
    }
    run.progress.say(host.name, `${vm.name}: SSH answers with the pinned host key after ${since(started)}`)
    return address
  } catch (error) {
    run.signal.throwIfAborted()
    const tail = await consoleTail(host, plan).catch(() => 'Its console cannot be read.')
    throw new ProvisionError(`${vm.name} on ${host.name} did not come up.\n${tail}`, { cause: error })
  }
}

/** One round of trying; false when the VM does not answer yet. @throws HostKeyError; ConnectionError at the deadline. */
async function answers(
  run: ProvisionRun,
  host: RemoteHost,
  { vm, hostKey }: VmPlan,
  address: string,
  leftMs: number,
): Promise<boolean> {
  const started = performance.now()
  const request = { via: host, timeoutMs: Math.min(roundMs, leftMs), signal: run.signal }
  try {
    const connection = await run.connect(
      { name: vm.name, address, port: 22, user: 'root', keyFile: run.config.keyFile, hostKey },
      request,
    )
    try {
      await connection.run(['true'], { signal: run.signal })
    } finally {
      await connection[Symbol.asyncDispose]()
    }
    return true
  } catch (error) {
    run.signal.throwIfAborted()
    // what fails before its time fails for good: the key is refused, or the hypervisor is gone
    const early = performance.now() - started < request.timeoutMs
    if (error instanceof HostKeyError || early || leftMs <= roundMs) throw error
    return false
  }
}

async function leaseOf(
  run: ProvisionRun,
  host: RemoteHost,
  { vm, macAddress }: VmPlan,
  timeoutMs: number,
): Promise<string> {
  const virsh = new Virsh(host, { signal: run.signal })
  const probe = async (): Promise<Probe<string>> => {
    const leases = await virsh.leases(vm.name)
    const own = leases.find((lease) => lease.macAddress === macAddress && lease.family === 'ipv4')
    if (own) return { state: 'ready', value: own.address }
    if (!(await virsh.domainNames('running')).includes(vm.name)) {
      return { state: 'failed', reason: 'the VM has switched itself off' }
    }
    return {
      state: 'pending',
      seen: `no lease for ${macAddress} in the network "${run.config.libvirt.network}"`,
    }
  }
  return waitFor(
    () =>
      probe().catch((error: unknown) => {
        if (error instanceof ConnectionError) return { state: 'failed', reason: describeError(error) }
        throw error
      }),
    {
      what: `${vm.name} to get a lease`,
      timeoutMs,
      intervalMs: 500,
      maxIntervalMs: 2000,
      signal: run.signal,
    },
  )
}

async function consoleTail(host: RemoteHost, { places }: VmPlan): Promise<string> {
  const result = await host.tryRun(['tail', '-n', '25', '--', places.consoleLog])
  const text = result.stdout.trim()
  return text === '' ? 'Its console shows nothing.' : `The end of its console:\n${text}`
}

function since(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}
