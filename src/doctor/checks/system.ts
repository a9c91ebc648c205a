/** Programs, space, temporary folders and the CPU's governor of a hypervisor. */
import type { HostFacts, SystemFacts } from '../host-facts.ts'
import { type Judgement, fault, notApplicable, ok, warning } from '../finding.ts'
import { folders, requiredPrograms } from '../host-script.ts'
import type { HypervisorNeeds } from '../needs.ts'
import { installCommand, installable } from '../package-hints.ts'
import { installPackages, setting } from '../repairs.ts'
import { spaceFinding } from './space.ts'

export function systemChecks({ system, docker: { engine } }: HostFacts, needs: HypervisorNeeds): Judgement[] {
  const dockerRoot = 'error' in engine ? undefined : engine.root
  return [
    ok('system', `${system.os.name}, kernel ${system.kernel}`),
    programs(system),
    spaceFinding(
      'disk for images',
      needs.imageFolder,
      system.imageFreeBytes,
      'choose another "libvirt.image_folder" in the config',
    ),
    'error' in engine
      ? notApplicable('disk for containers', 'Docker does not answer, so it is not known where it stores')
      : spaceFinding(
          'disk for containers',
          engine.root,
          engine.freeBytes,
          'docker system df; docker image prune',
        ),
    noexec(system, dockerRoot),
    governor(system),
  ]
}

function programs({ programs: there, versions, os }: SystemFacts): Judgement {
  const check = 'programs'
  const missing = requiredPrograms.filter((program) => there[program] === undefined)
  if (missing.length > 0)
    return fault(
      check,
      `not installed: ${missing.join(', ')}`,
      installCommand(missing, os),
      installPackages(installable(missing, os)),
    )
  if (!versions['tar']?.includes('GNU tar')) {
    return fault(
      check,
      `its tar is ${versions['tar'] ?? 'not GNU tar'}: only GNU tar unpacks the disk image without its holes`,
      installCommand(['tar'], os),
    )
  }
  const found = Object.entries(versions)
    .map(([name, text]) => `${name} ${/\d+(\.\d+)+/.exec(text)?.[0] ?? text}`)
    .join(', ')
  return there['zstd'] === undefined
    ? warning(
        check,
        `${found}; no zstd, so images are sent with gzip, which is slower`,
        installCommand(['zstd'], os),
        installPackages(installable(['zstd'], os)),
      )
    : ok(check, found)
}

/** Of the mount that a folder lies in. */
function optionsOf({ mounts }: SystemFacts, folder: string): readonly string[] {
  const above = mounts.filter(
    ({ folder: point }) => point === '/' || folder === point || folder.startsWith(`${point}/`),
  )
  // what was mounted last over the same place is what is seen
  return above.reduce((best, each) => (each.folder.length >= best.folder.length ? each : best), {
    folder: '',
    options: [] as readonly string[],
  }).options
}

function noexec(system: SystemFacts, dockerRoot: string | undefined): Judgement {
  const check = 'noexec'
  if (dockerRoot !== undefined && optionsOf(system, dockerRoot).includes('noexec')) {
    return fault(
      check,
      `${dockerRoot}, where Docker stores, is mounted noexec: no container starts`,
      `mount -o remount,exec ${dockerRoot}`,
    )
  }
  const hit = folders.temporary.filter((folder) => optionsOf(system, folder).includes('noexec'))
  return hit.length === 0
    ? ok(check, `programs may be started in ${folders.temporary.join(', ')}`)
    : warning(
        check,
        `${hit.join(', ')} is mounted noexec: nothing of dpbench is started there, a program of your own benchmark would not be either`,
        `only if you need it: ${hit.map((folder) => `mount -o remount,exec ${folder}`).join('; ')}`,
      )
}

function governor({ governors }: SystemFacts): Judgement {
  const check = 'CPU governor'
  const files = Object.entries(governors)
  if (files.length === 0)
    return notApplicable(check, 'this machine shows none (a VM, or firmware that decides)')
  const slow = files.filter(([, name]) => name !== 'performance')
  if (slow.length === 0) return ok(check, `performance on all ${files.length} CPUs`)
  const names = [...new Set(slow.map(([, name]) => name))].join(', ')
  return warning(
    check,
    `${names} on ${slow.length} of ${files.length} CPUs: figures spread more`,
    'cpupower frequency-set -g performance',
    [
      setting(
        `CPU governor: ${names} → performance on ${slow.length} CPUs`,
        slow.map(([path, before]) => ({ path, before, after: 'performance' })),
      ),
    ],
  )
}
