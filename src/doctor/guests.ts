/** The VMs that are provisioned: whether SSH reaches them, and what traffic needs in them. */
import type { BenchConfig, VmConfig } from '../config/index.ts'
import { HostKeyError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { vmAddress } from '../environment/addresses.ts'
import { connectHost } from '../transport/ssh/connect.ts'
import type { SshHost } from '../transport/ssh/ssh-host.ts'
import { type Judgement, fault, ok, warning } from './finding.ts'
import { oneLine } from './gather-host.ts'
import { sectionsOf } from './parse-facts.ts'

export type GuestFacts =
  | { readonly state: 'not provisioned' }
  | { readonly state: 'refused'; readonly error: string; readonly hostKey: boolean }
  /** Its port is open, but SSH took longer than the doctor waits: an emulated guest on a busy machine. */
  | { readonly state: 'slow'; readonly error: string }
  | {
      readonly state: 'connected'
      readonly programs: readonly string[]
      /** The first line of `iperf3 --version`. */
      readonly iperf3: string
    }

const programs = ['ip', 'ping', 'ss', 'iperf3'] as const
/** One of them renews the lease of the data NIC. */
const dhcpClients = ['dhclient', 'networkctl'] as const

const command = shell(`section() { printf '\\f%s\\n' "$*"; }
section programs; for one in ${[...programs, ...dhcpClients].join(' ')}; do command -v "$one" >/dev/null && echo "$one"; done
section iperf3; iperf3 --version 2>&1 | head -n 1`)

export async function gatherGuest(
  config: BenchConfig,
  vm: VmConfig,
  via: SshHost,
  timeoutMs: number,
): Promise<GuestFacts> {
  if (vm.address === undefined || vm.hostKey === undefined) return { state: 'not provisioned' }
  const address = vmAddress(config, vm)
  try {
    const port = await via.openTcp(address.address, address.port)
    port.on('error', () => undefined).destroy() // only whether it opens
  } catch (error) {
    return { state: 'refused', error: oneLine(error), hostKey: false }
  }
  try {
    await using guest = await connectHost(address, { via, timeoutMs })
    const { stdout } = await guest.tryRun(command, { timeoutMs })
    const sections = sectionsOf(stdout)
    const there = (sections.get('programs') ?? '').split('\n')
    return { state: 'connected', programs: there, iperf3: sections.get('iperf3') ?? '' }
  } catch (error) {
    const hostKey = error instanceof HostKeyError
    if (hostKey || /does not accept the key/.test(oneLine(error)))
      return { state: 'refused', error: oneLine(error), hostKey }
    return { state: 'slow', error: oneLine(error) }
  }
}

export function guestChecks(facts: GuestFacts, vm: VmConfig): Judgement[] {
  switch (facts.state) {
    case 'not provisioned':
      return [warning('guest', 'is not provisioned yet', 'npm run provision -- --disk-template IMG')]
    case 'slow':
      return [
        warning(
          'guest',
          `its port of SSH is open, but: ${facts.error}`,
          'type dpbench doctor again when it has booted',
        ),
      ]
    case 'refused':
      return [
        fault(
          'guest',
          facts.error,
          facts.hostKey
            ? `if ${vm.name} was made anew elsewhere: npm run provision -- --clean-up, then provision again`
            : `virsh start ${vm.name} on ${vm.hypervisor}; or npm run provision -- --clean-up, then provision again`,
        ),
      ]
    case 'connected':
      return [ok('guest', `SSH answers at ${vm.address}`), guestPrograms(facts.programs), iperf3(facts)]
  }
}

function guestPrograms(there: readonly string[]): Judgement {
  const missing: string[] = programs.filter((program) => program !== 'iperf3' && !there.includes(program))
  if (!dhcpClients.some((client) => there.includes(client))) missing.push(dhcpClients.join(' or '))
  return missing.length === 0
    ? ok('guest programs', there.filter((program) => program !== 'iperf3').join(', '))
    : fault('guest programs', `not installed: ${missing.join(', ')}`, 'put them into the guest image')
}

/** They crash; 3.18 is mended (iperf3's release notes). */
const brokenIperf3 = ['3.16', '3.17']

function iperf3({
  programs: there,
  iperf3: said,
}: {
  programs: readonly string[]
  iperf3: string
}): Judgement {
  const check = 'iperf3'
  const advice = 'put iperf3 3.18 or newer, or 3.12, into the guest image'
  if (!there.includes('iperf3')) return fault(check, 'not installed', advice)
  const version = /^iperf (\d+\.\d+)/.exec(said)?.[1]
  if (version === undefined) return fault(check, `does not tell its version: ${said}`, advice)
  return brokenIperf3.includes(version)
    ? fault(check, `${version}, which crashes while it measures`, advice)
    : ok(check, version)
}
