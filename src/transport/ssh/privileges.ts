/** Commands that did not run as root, or not at all, because of what the login user may do: one sentence each. */
import { CommandError, type CommandResult } from '../../core/command-result.ts'
import { PrivilegeError } from '../../core/errors.ts'
import { quoteArgv } from '../../core/shell-quote.ts'
import type { HostAddress } from './address.ts'

type User = Pick<HostAddress, 'name' | 'user'>

/** sudo's own words (sudo 1.9, plugins/sudoers and src, untranslated), and what they mean for `user`. */
const refusals: readonly (readonly [RegExp, (user: string) => string])[] = [
  [
    /^sudo: .*(?:password is required|required to read the password)/m,
    (user) => `sudo asks ${user} for a password`,
  ],
  [/^sudo: .*you must have a tty/m, () => 'sudo wants a terminal (requiretty in its sudoers)'],
  [/is not in the sudoers file|may not run sudo/i, (user) => `${user} may not use sudo`],
  [/user \S+ is not allowed to execute/i, (user) => `sudo does not allow ${user} this command`],
  [/^(?:.*: )?(?:exec: )?sudo: (?:not found|command not found)$/m, () => 'there is no sudo'],
  [
    /^sudo: .*(?:no new privileges|must be owned by uid 0|effective uid is not 0)/m,
    () => 'sudo cannot become root',
  ],
]

/** What sudo said instead of running the command; undefined where it ran it. */
export function sudoRefusal(result: CommandResult, { name, user }: User): PrivilegeError | undefined {
  if (result.exitCode !== 1 && result.exitCode !== 127) return undefined
  const found = refusals.find(([words]) => words.test(result.stderr))
  if (!found) return undefined
  const allow = `echo '${user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/dpbench`
  const terminal = /tty/.test(found[0].source)
    ? `; echo 'Defaults:${user} !requiretty' >> /etc/sudoers.d/dpbench`
    : ''
  const install = found[1](user).startsWith('there is no') ? 'install sudo there, then ' : ''
  return new PrivilegeError(
    `${name}: ${found[1](user)}, so this did not run as root: ${shown(result)}; ` +
      `${install}allow it as root there (${allow}${terminal}), or log in as root ("user_name" of the config)`,
    result.stderr.trim(),
  )
}

const denied =
  /permission denied|operation not permitted|must be (?:run as )?root|are you root|access denied/i

/** For a command that failed without sudo where the user is not root: whether that may be why. */
export function rootNeeded(result: CommandResult, { name, user }: User): PrivilegeError | undefined {
  if (user === 'root' || result.exitCode === 0 || !denied.test(result.stderr)) return undefined
  return new PrivilegeError(
    `${name}: ${user} may not do this, which needs root: ${shown(result)}; take "sudo": false out of this ` +
      'hypervisor in the config and allow sudo there without a password, or log in as root',
    result.stderr.trim(),
    { cause: new CommandError(result) },
  )
}

/** sshd says only that a socket was not opened; sudo does not help there, for it is sshd's child of the user that opens it. */
export function socketHint(user: string): string {
  const may = user === 'root' ? '' : `${user} may not open it (usermod -aG docker ${user} for Docker's), `
  return `: nobody listens there, ${may}or AllowStreamLocalForwarding of its sshd is off`
}

/** A script is named by its beginning: the sentence goes on after it. */
function shown({ argv }: CommandResult): string {
  const line = quoteArgv(argv).replaceAll(/\s+/g, ' ')
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}
