/** How long a guest of the lab takes from power-on to SSH, the first time, emulated. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildGuestImage } from '../../lab/image/build.ts'
import { runLocally } from '../../src/core/local-command.ts'
import { DirectGuest } from '../../test/lab/direct-guest.ts'
import { guestDocument } from '../../test/lab/guest-document.ts'
import { type Part, atMost, seconds } from '../part.ts'

const bootTimeoutMs = 300_000

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'first-boot',
    what: "the first boot of the lab's guest, alone, emulated (TCG) with two CPUs, until SSH answers with the pinned key",
    against: 'a plain Debian guest: 33 to 39 s to its lease, on two cores without KVM',
    unit: 's',
    rounds: 3,
    reach: atMost(25, 's'),
    async prepare(stage) {
      const folder = await stage.folder()
      const { path: image } = await buildGuestImage({ log: stage.log, signal: stage.signal })
      const key = (name: string): string => join(folder, name)
      for (const name of ['user_key', 'host_key'])
        await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key(name)])
      const hostPublicKey = (await readFile(key('host_key.pub'), 'utf8')).trim()
      const keys = {
        userPublicKey: (await readFile(key('user_key.pub'), 'utf8')).trim(),
        hostPrivateKey: await readFile(key('host_key'), 'utf8'),
        hostPublicKey,
      }
      const document = join(folder, 'guest.ign')
      await writeFile(document, JSON.stringify(guestDocument(keys)))
      let boot = 0
      return {
        async ours() {
          const disk = join(folder, `disk-${++boot}.qcow2`)
          const overlay = ['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image, disk]
          await runLocally(overlay, { signal: stage.signal })
          return seconds(async () => {
            await using guest = await DirectGuest.start({ folder, disk, document })
            await guest.loggedIn('root', hostPublicKey, bootTimeoutMs)
          })
        },
        notes: [
          'Ignition has run then, with a user, files, a disk set up and units; what ends the guest counts too',
        ],
      }
    },
  },
]
