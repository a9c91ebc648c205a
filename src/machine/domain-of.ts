/** A VM as what drives it from outside finds it: its libvirt domain, if it has one and dpbench made it. */
import { MachineError } from '../core/errors.ts'
import type { RemoteHost } from '../transport/host.ts'
import type { Domain } from '../transport/libvirt/documents.ts'
import { Virsh, virshCommand } from '../transport/libvirt/virsh.ts'

/** A VM by what its domain is found by. */
export interface Guest {
  readonly name: string
  readonly hypervisor: { readonly name: string; readonly ssh: RemoteHost }
  /** Aborts what a test began when the test ends early. */
  readonly signal?: AbortSignal | undefined
  /** The host key that it is known by, `ssh-ed25519 AAAA…`, where that is known. */
  readonly hostKey?: string | undefined
}

/**
 * The domain of a VM. One that dpbench did not make is not touched.
 * @param purpose what cannot be done without, as `its console cannot be written to`
 * @throws MachineError when there is none (a namespace guest has none), or when it is somebody else's
 */
export async function requireDomain(guest: Guest, purpose: string): Promise<Domain> {
  const { name, hypervisor, hostKey } = guest
  const domain = await new Virsh(hypervisor.ssh).domain(name)
  if (!domain)
    throw new MachineError(
      `${name} is no libvirt domain on ${hypervisor.name} (a namespace guest of a lab is none): ${purpose}`,
    )
  const made = domain.provisioned
  if (made && (!hostKey?.startsWith('ssh-') || sameKey(made.hostKey, hostKey))) return domain
  throw new MachineError(
    `the domain ${name} on ${hypervisor.name} was not made by dpbench, or is another VM than the config's ` +
      `(its label is not that of ${name}'s host key), and is not touched; give the VM a name of its own, or provision it`,
  )
}

/** Runs `virsh` for a VM whose domain has to run. @throws MachineError, with the reason of libvirt or that it is off */
export async function onDomain(
  guest: Guest,
  args: readonly string[],
  options: { readonly timeoutMs?: number } = {},
): Promise<string> {
  const { name, hypervisor, signal } = guest
  const result = await hypervisor.ssh.tryRun(virshCommand(args), { timeoutMs: 30_000, ...options, signal })
  signal?.throwIfAborted()
  if (result.exitCode === 0) return result.stdout
  throw new MachineError(await whyNot(guest, `virsh ${args[0]}`, result.stderr, result.timedOut), {
    cause: new Error(`${name} on ${hypervisor.name}`),
  })
}

/** What to say of a `virsh` that failed: that the domain is off is said in its own words. */
export async function whyNot(
  { name, hypervisor }: Guest,
  what: string,
  stderr: string,
  timedOut = false,
): Promise<string> {
  const running = await new Virsh(hypervisor.ssh).domainNames('running')
  if (!running.includes(name)) return `${name} is shut off; ${name}.start() switches it on`
  if (timedOut) return `${name}: ${what} on ${hypervisor.name} had no answer before its deadline`
  return `${name}: ${what} on ${hypervisor.name} failed: ${stderr.trim().replaceAll(/^error: /gm, '')}`
}

function sameKey(one: string, other: string): boolean {
  return one.split(/\s+/)[1] === other.split(/\s+/)[1]
}
