/** How the things of one lab are told from everything else on the machine: links, processes and cgroups by a tag. */
import { createHash } from 'node:crypto'

/** Every process that a lab starts on the machine has this variable, with the lab's name, in its environment. */
export const labVariable = 'DPBENCH_LAB_NAME'
/** Beside it in the first process of a host's namespaces: the host's name. */
export const hostVariable = 'DPBENCH_LAB_HOST'

/** Five characters, the same for the same name, so that `lab down` finds a lab's links without its state. */
export function labTag(name: string): string {
  const digest = createHash('sha256').update(name).digest()
  return digest.readUIntBE(0, 6).toString(36).padStart(5, '0').slice(-5)
}

/** Prefix of the lab's links in the machine's network namespace. A name there has 15 characters at most (IFNAMSIZ). */
export function linkPrefix(name: string): string {
  return `dpb${labTag(name)}`
}

/** The cgroup, relative to each hierarchy's root, below which the lab's Docker engines keep their containers. */
export function cgroupParent(name: string): string {
  return `dpbench-${labTag(name)}`
}

/** The environment of a helper command that runs on the machine itself on behalf of a lab. */
export function helperEnvironment(name: string): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C', [labVariable]: name }
}

/** The whole environment of what runs inside a lab's namespaces: nothing of the user's own shell gets in. */
export function hostEnvironment(lab: string, host: string): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    USER: 'root',
    LANG: 'C.UTF-8',
    [labVariable]: lab,
    [hostVariable]: host,
  }
}

/**
 * A MAC address that is the same for the same lab and purpose, and differs between labs, hosts and ports.
 * `prefix` is the first three bytes: QEMU's 52:54:00 for a guest's NIC, a locally administered one for the rest.
 */
export function macAddress(lab: string, purpose: string, prefix = '02:d0:be'): string {
  const digest = createHash('sha256').update(`${lab}\n${purpose}`).digest('hex')
  return [prefix, digest.slice(0, 2), digest.slice(2, 4), digest.slice(4, 6)].join(':')
}
