/** From power-on to a verified SSH login: the lease, then the connection with the host key that the VM was given. */
import { ProvisionError } from '../src/core/errors.ts'
import { waitFor } from '../src/core/wait.ts'
import type { ProvisionedVm } from '../src/config/working-config.ts'
import type { RemoteHost } from '../src/transport/host.ts'
import { Virsh } from '../src/transport/libvirt/virsh.ts'
import type { ProvisionRun } from './run.ts'
import type { VmPlan } from './vm-plan.ts'

/** @throws ProvisionError with the end of the VM's console when it does not come up. */
export async function awaitVm(run: ProvisionRun, host: RemoteHost, plan: VmPlan): Promise<ProvisionedVm> {
  const { vm, macAddress, hostKey } = plan
  const timeoutMs = run.config.libvirt.bootTimeoutSeconds * 1000
  const started = performance.now()
  try {
    const address = await leaseOf(run, host, plan, timeoutMs)
    run.progress.say(host.name, `${vm.name}: has the lease ${address} after ${since(started)}`)
    const connection = await run.connect(
      { name: vm.name, address, port: 22, user: 'root', keyFile: run.config.keyFile, hostKey },
      {
        via: host,
        timeoutMs: Math.max(20_000, timeoutMs - (performance.now() - started)),
        signal: run.signal,
      },
    )
    try {
      await connection.run(['true'], { signal: run.signal })
    } finally {
      await connection[Symbol.asyncDispose]()
    }
    run.progress.say(host.name, `${vm.name}: SSH answers with the pinned host key after ${since(started)}`)
    return { host_address: address, mac_address: macAddress, host_key: hostKey }
  } catch (error) {
    run.signal.throwIfAborted()
    const tail = await consoleTail(host, plan)
    throw new ProvisionError(`${vm.name} on ${host.name} did not come up.\n${tail}`, { cause: error })
  }
}

async function leaseOf(
  run: ProvisionRun,
  host: RemoteHost,
  { vm, macAddress }: VmPlan,
  timeoutMs: number,
): Promise<string> {
  const virsh = new Virsh(host, { signal: run.signal })
  return waitFor(
    async () => {
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
    },
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
