/** Logging in, root, forwarding and the clock. */
import type { HostFacts } from '../host-facts.ts'
import { type Judgement, fault, notApplicable, ok, warning } from '../finding.ts'
import type { HypervisorNeeds } from '../needs.ts'

export function accessChecks({ access }: HostFacts, needs: HypervisorNeeds): Judgement[] {
  return [rights(access, needs), tcpForwarding(access), socketForwarding(access), clock(access)]
}

function rights({ root, user }: HostFacts['access'], needs: HypervisorNeeds): Judgement {
  if (root === true)
    return ok('sudo', needs.sudo ? `${user} may use sudo -n` : `${user} is root, no sudo needed`)
  if (!needs.sudo) {
    return fault(
      'sudo',
      `${user} is not root, and the config says "sudo": false`,
      'take "sudo" out of this hypervisor in the config, or log in as root',
    )
  }
  return /not found/.test(root)
    ? fault(
        'sudo',
        'there is no sudo here',
        user === 'root'
          ? 'take "sudo" out of this hypervisor in the config'
          : 'install sudo, or log in as root',
      )
    : fault(
        'sudo',
        `sudo -n does not work for ${user}: ${root}`,
        `echo '${user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/dpbench`,
      )
}

const sshdAdvice = (option: string): string =>
  `write ${option} yes into /etc/ssh/sshd_config (and no DisableForwarding), then: systemctl reload ssh || systemctl reload sshd`

function tcpForwarding({ tcpForwarding: outcome }: HostFacts['access']): Judgement {
  return outcome === true
    ? ok('AllowTcpForwarding', 'a TCP connection through sshd was opened')
    : fault(
        'AllowTcpForwarding',
        `sshd opens no TCP connection, so VMs cannot be reached: ${outcome}`,
        sshdAdvice('AllowTcpForwarding'),
      )
}

function socketForwarding({ socketForwarding: outcome }: HostFacts['access']): Judgement {
  const check = 'AllowStreamLocalForwarding'
  if (outcome === true) return ok(check, "Docker's socket was opened through sshd")
  if (outcome === undefined)
    return notApplicable(
      check,
      "not tried: at Docker's socket no process listens, or the user may not open it",
    )
  return fault(
    check,
    `sshd opens no Unix socket, so Docker cannot be reached: ${outcome}`,
    sshdAdvice('AllowStreamLocalForwarding'),
  )
}

/** Beyond this, certificates of registries and the times in logs and journals are no longer right. */
const clockFaultSeconds = 30
/** Beyond this, lines of two machines' logs cannot be put in order. */
const clockWarningSeconds = 1

function clock({ clock: { offsetSeconds, uncertaintySeconds } }: HostFacts['access']): Judgement {
  const seconds = Math.abs(offsetSeconds)
  const surely = Math.max(0, seconds - uncertaintySeconds)
  const side = offsetSeconds > 0 ? 'ahead of' : 'behind'
  const found = `${seconds.toFixed(2)} s ${side} the controller (± ${uncertaintySeconds.toFixed(2)} s)`
  const advice = 'timedatectl set-ntp true, here and on the controller; chronyc makestep where chrony runs'
  if (surely > clockFaultSeconds) return fault('clock', found, advice)
  return surely > clockWarningSeconds ? warning('clock', found, advice) : ok('clock', found)
}
