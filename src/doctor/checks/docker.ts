/** Docker Engine at its socket, as the login user reaches it through sshd. */
import type { HostFacts } from '../host-facts.ts'
import { type Judgement, fault, notApplicable, ok } from '../finding.ts'
import { installCommand, installable } from '../package-hints.ts'
import { installPackages, startUnit } from '../repairs.ts'

const unit = 'docker.service'

/** @param path of the socket */
export function dockerChecks({ docker, access, system }: HostFacts, path: string): Judgement[] {
  const check = 'Docker'
  const { engine, socket, listening, group } = docker
  if (!('error' in engine))
    return [ok(check, `${engine.version} answers at ${path}, and stores in ${engine.root}`)]
  const state = system.units[unit]
  const installed = system.programs['dockerd'] !== undefined
  const stopped = state !== undefined && state !== 'active'
  if (stopped || !listening || socket === 'missing') {
    const found =
      socket === 'missing' ? `there is no socket ${path}` : `${path} is there, but no process listens`
    return [
      fault(
        check,
        `${found}${state === undefined ? '' : `; ${unit} is ${state}`}`,
        state === undefined
          ? installed
            ? `start dockerd so that it listens at ${path}`
            : installCommand(['dockerd'], system.os)
          : `systemctl enable --now ${unit}`,
        stopped ? [startUnit(unit)] : installed ? [] : installPackages(installable(['dockerd'], system.os)),
      ),
    ]
  }
  if (socket === 'not ours') {
    return [
      fault(
        check,
        `${access.user} may not use ${path}, which is ${group}'s`,
        `usermod -aG ${group} ${access.user} (that is as much as root), then log in anew`,
      ),
    ]
  }
  if (typeof access.socketForwarding === 'string')
    return [notApplicable(check, 'sshd opens no way to it: see AllowStreamLocalForwarding')]
  return [
    fault(
      check,
      `the engine at ${path} does not answer: ${engine.error}`,
      system.systemd ? `systemctl restart ${unit}` : 'start dockerd anew, by whatever runs it here',
    ),
  ]
}
