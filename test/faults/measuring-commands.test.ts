/** Commands that flood or do not end, and machines lost behind others, over a real sshd: what `npm test` has of the faults while measuring. */
import { expect } from 'vitest'
import { shell } from '../../src/core/shell-quote.ts'
import { describeError } from '../../src/core/errors.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import { startSshd } from '../helpers/sshd.ts'
import { property } from './support/property.ts'

property(
  'a command that writes 100 MB or ignores SIGTERM, and a machine lost with the one before it: ended, named, and the connection stays',
  { counted: 'faults', quick: 3, whole: 3, timeoutMs: 60_000 },
  async (tally) => {
    await using sshd = await startSshd()
    await using host = await connectHost(sshd.address)

    await tally.try('100 MB of output', async () => {
      const before = process.memoryUsage.rss()
      let most = 0
      const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20)
      const flood = shell('head -c 104857600 /dev/zero | tr "\\0" x; exec sleep 300.4711')
      await expect(host.run(flood)).rejects.toThrow(
        /^test-host: `.*` was ended, for it wrote more than 64 MiB/,
      )
      clearInterval(timer)
      expect((await host.run(['echo', 'still here'])).stdout).toBe('still here\n')
      expect((await host.tryRun(['pgrep', '-f', 'sleep 300[.]4711'])).exitCode, 'nothing of it runs').toBe(1)
      return most - before > 300 * 2 ** 20 ? [`took ${Math.round((most - before) / 2 ** 20)} MiB`] : []
    })

    await tally.try('SIGTERM is ignored', async () => {
      const started = performance.now()
      const stubborn = shell('trap "" TERM; echo $$; while :; do sleep 0.2; done')
      const { timedOut, stdout } = await host.tryRun(stubborn, { timeoutMs: 500 })
      expect(timedOut).toBe(true)
      expect(performance.now() - started).toBeLessThan(30_000) // it would run for ever
      const { exitCode } = await host.tryRun(['kill', '-0', stdout.trim()])
      return exitCode === 0 ? ['it still runs'] : []
    })

    await tally.try('lost with the machine before it', async () => {
      const hypervisor = await connectHost({ ...sshd.address, name: 'hypervisor-2' })
      const guest = await connectHost({ ...sshd.address, name: 'vm3' }, { via: hypervisor })
      await guest.run(['true']) // there is a shell, so that the next one begins at once
      const running = guest.run(['sleep', '300']).catch(describeError)
      const pid = (await hypervisor.run(shell('echo $PPID'), { ownSession: true })).stdout.trim()
      await host.tryRun(['kill', '-s', 'KILL', pid])
      const text = String(await running)
      expect(text).toMatch(/^vm3: the SSH connection to \S+ was lost while it ran sleep 300\n/)
      expect(text).toMatch(/because: hypervisor-2: the SSH connection to \S+ was lost/)
      await guest.close()
      return []
    })
  },
)
