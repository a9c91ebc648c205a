/** apt without services: what is installed for a lab neither starts now nor at the next boot. */
import { existsSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { runLocally, tryLocally } from '../src/core/local-command.ts'

/** Debian's maintainer scripts ask this program before they start a service (policy-rc.d of the Debian Policy). */
const policyFile = '/usr/sbin/policy-rc.d'
const savedPolicyFile = `${policyFile}.before-dpbench`
const forbid =
  '#!/bin/sh\n# Put here by dpbench while it installs packages; 101 forbids the action.\nexit 101\n'

/** Installs Debian packages, passing on apt's lines. @throws CommandError when apt fails. */
export async function installQuietly(
  packages: readonly string[],
  log: (line: string) => void,
): Promise<void> {
  const apt = ['apt-get', '-y', '-o', 'DPkg::Lock::Timeout=300']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', LC_ALL: 'C' }
  const options = { env, timeoutMs: 900_000, onLine: (line: string) => log(`  ${line}`) }
  await runLocally([...apt, 'update'], { ...options, timeoutMs: 300_000 })
  await forbidServices()
  try {
    await runLocally([...apt, 'install', '--no-install-recommends', ...packages], options)
  } finally {
    await allowServices()
  }
  if (existsSync('/run/systemd/system')) await disableServices(packages)
}

/** A policy of the machine's own is put aside; one that a killed run left aside is not overwritten. */
async function forbidServices(): Promise<void> {
  if (existsSync(policyFile) && !existsSync(savedPolicyFile)) await rename(policyFile, savedPolicyFile)
  await writeFile(policyFile, forbid, { mode: 0o755 })
}

async function allowServices(): Promise<void> {
  if (existsSync(savedPolicyFile)) await rename(savedPolicyFile, policyFile)
  else await rm(policyFile, { force: true })
}

/** Packages enable their units at installation; only units of packages that were missing before are touched. */
async function disableServices(packages: readonly string[]): Promise<void> {
  const { stdout } = await tryLocally(['dpkg-query', '--listfiles', ...packages])
  const units = unitsOf(stdout)
  if (units.length > 0) await runLocally(['systemctl', 'disable', '--quiet', ...units])
}

/** The units that can be enabled among the files of packages: no templates. */
export function unitsOf(files: string): string[] {
  const units = files
    .split('\n')
    .filter((file) => /\/systemd\/system\/[^/@]+\.(service|socket|timer)$/.test(file))
    .map((file) => basename(file))
  return [...new Set(units)]
}
