/** The X server of a guest and its windows, on a real one: Xvfb in a namespace guest, with xmessage for a client. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/index.ts'
import { hypervisorAddress, vmAddress } from '../../src/environment/addresses.ts'
import { Hypervisor } from '../../src/machine/hypervisor.ts'
import { VirtualMachine } from '../../src/machine/virtual-machine.ts'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'

describe.skipIf(whyNoLab.length > 0)('windows', { timeout: 240_000 }, () => {
  const lab = useLab()
  let hypervisor: Hypervisor
  let guest: VirtualMachine

  beforeAll(async () => {
    const config = await loadConfig({ file: lab.description.configFile })
    const [host] = config.hypervisors
    const [vm] = host!.vms
    hypervisor = await Hypervisor.connect(hypervisorAddress(config, host!))
    guest = await VirtualMachine.connect(vmAddress(config, vm!), hypervisor, vm!)
  }, 480_000)
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]()
    await hypervisor?.[Symbol.asyncDispose]()
  })

  test('windows of an X server, with and without a cookie', async () => {
    const display = ':97'
    const say = 'xmessage -timeout 60 -title \'say "hi" (2): 5x5+1\' text'
    const behind = (command: string, pid: string): string =>
      `(exec ${command}) > /dev/null 2>&1 < /dev/null & echo $! > /tmp/windows-${pid}`
    const cookie = '0123456789abcdef'
    for (const auth of [undefined, '/tmp/windows-auth']) {
      const up = guest.waitForX({ display, timeoutMs: 20_000 })
      const options = auth === undefined ? '-ac' : `-auth ${auth}`
      // the format of libXau's Xauth(3): family (any), address, display, name, data, each with its length
      await guest.succeed(
        `printf '\\377\\377\\0\\0\\0\\0\\0\\022MIT-MAGIC-COOKIE-1\\0\\020${cookie}' > /tmp/windows-auth`,
        behind(`Xvfb ${display} -screen 0 320x200x8 -nolisten tcp ${options}`, 'x'),
      )
      if (auth !== undefined) {
        const withoutCookie = guest.waitForX({ display, timeoutMs: 2500 })
        await expect(withoutCookie).rejects.toThrow(
          /no X server that can be asked \(display :97\): .*(uthoriz|open)/s,
        )
        await guest.succeed('cp /tmp/windows-auth /root/.Xauthority')
      }
      await up
      expect(await guest.getWindowNames({ display })).not.toContain('say "hi" (2): 5x5+1')
      await guest.succeed(`export DISPLAY=${display}; ${behind(say, 'm')}`)
      expect(await guest.waitForWindow(/say "(hi|ho)"/, { display, timeoutMs: 20_000 })).toBe(
        'say "hi" (2): 5x5+1',
      )
      await expect(guest.waitForWindow('no such', { display, timeoutMs: 300 })).rejects.toThrow(
        /vm1 to show a window "no such"; last seen: .*say "hi"/,
      )
      await guest.succeed('kill $(cat /tmp/windows-m) $(cat /tmp/windows-x)')
      await guest.waitUntilFails('kill -0 $(cat /tmp/windows-x)', { timeoutMs: 10_000 })
    }
    await expect(guest.getWindowNames({ display })).rejects.toThrow(/vm1 has no X server that can be asked/)
    await guest.succeed('rm -rf /tmp/windows-* /tmp/.X97-lock /tmp/.X11-unix /root/.Xauthority')
  })
})
