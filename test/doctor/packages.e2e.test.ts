/** Packages that `--fix` installs on Debian, and takes away again: apt and dpkg themselves, on a package made here. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openJournal } from '../../src/core/journal.ts'
import { fixHost } from '../../src/doctor/fix.ts'
import { installPackages } from '../../src/doctor/repairs.ts'
import { doctorUndo } from '../../src/doctor/undo.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import { useLab } from '../e2e/support/lab.ts'
import { whyNoLab } from '../lab/support.ts'

const host = 'hypervisor-2'
const name = 'dpbench-planted'

/** A package without content that needs `needs`. */
const build = (name: string, needs: string): string =>
  `mkdir -p /run/${name}/DEBIAN; printf "Package: ${name}\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: nobody <nobody@localhost>\\nDescription: planted\\n${needs}" > /run/${name}/DEBIAN/control; dpkg-deb --build /run/${name} /run/${name}.deb >/dev/null; rm -r /run/${name}`
/** No archive is asked: a lab reaches none. */
const noArchives = '/etc/apt/apt.conf.d/zz-planted'
const installed = 'dpkg-query --show --showformat="\\${Package} \\${Version}\\n" | sort'

describe.skipIf(whyNoLab.length > 0)('packages of the doctor', { timeout: 180_000 }, () => {
  const lab = useLab()

  test('are journaled by name, installed, and purged; not while something that came since needs them', async () => {
    await lab.shell(
      host,
      `printf 'Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "/dev/null";' > ${noArchives}; ${build(name, '')}; ${build(`${name}-user`, `Depends: ${name}\\n`)}`,
    )
    onTestFinished(async () => {
      await lab.shell(
        host,
        `dpkg --purge ${name}-user ${name} >/dev/null 2>&1; rm /run/${name}*.deb ${noArchives}`,
      )
    })
    const folder = await mkdtemp(join(tmpdir(), 'dpbench-packages-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const journal = await openJournal(join(folder, 'journal.jsonl'))
    const { name: machine, address, port, hostKey } = lab.description.hypervisors[1]!
    const keyFile = lab.description.keyFile
    const target = { name: machine, address, port, user: 'root', keyFile, hostKey, sudo: false }
    await using connected = await connectHost(target)
    const before = await lab.shell(host, installed)
    const fix = { host: connected, target, journal, runId: 'r' }
    expect(await fixHost(fix, installPackages([`/run/${name}.deb`]), { log: () => undefined })).toEqual([])
    expect(await lab.shell(host, installed)).toContain(`${name} 1.0`)
    expect(journal.pending('doctor').map(({ undo }) => undo)).toEqual([
      { kind: 'doctor-packages', packages: [name] },
    ])
    const revert = (): ReturnType<ReturnType<typeof doctorUndo>['replay']> =>
      doctorUndo().replay(journal, journal.pending('doctor'), async () => connected)
    await lab.shell(host, `dpkg --install /run/${name}-user.deb`)
    expect((await revert()).left.map(({ reason }) => reason)).toEqual([
      `${name}-user came since and needs them: remove that first`,
    ])
    await lab.shell(host, `dpkg --purge ${name}-user`)
    expect((await revert()).left).toEqual([])
    expect(await lab.shell(host, installed)).toBe(before)
    expect((await revert()).undone).toEqual([])
  })
})
