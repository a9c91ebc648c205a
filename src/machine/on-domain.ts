/** `virsh` for one VM: what it answers, or why it does not. */
import { MachineError } from '../core/errors.ts'
import { Virsh, virshCommand } from '../transport/libvirt/virsh.ts'
import type { DomainOwner } from './own-domain.ts'

/** A VM by what its domain is found by, and known as ours. */
export interface Guest extends DomainOwner {
  /** Aborts what a test began when the test ends early. */
  readonly signal?: AbortSignal | undefined
}

/** Runs `virsh` for a VM whose domain has to run. @throws MachineError, with the reason of libvirt or that it is off */
export async function onDomain(
  guest: Guest,
  args: readonly string[],
  options: { readonly timeoutMs?: number } = {},
): Promise<string> {
  const { hypervisor, signal } = guest
  const result = await hypervisor.ssh.tryRun(virshCommand(args), { timeoutMs: 30_000, ...options, signal })
  signal?.throwIfAborted()
  if (result.exitCode === 0) return result.stdout
  throw new MachineError(await whyNot(guest, `virsh ${args[0]}`, result.stderr, result.timedOut))
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
