/** A service on one VM and its client on another, whose cables are pulled while they talk: nothing is measured, no threshold. */
import { type VirtualMachine, expect, test } from 'dpbench'

const port = 7000
/** Every guest of dpbench has iperf3, so it stands for the service here. */
const pidFile = '/run/example-service.pid'

/** One question with its answer. It gives up by itself: a connection that is cut off may wait for minutes. */
function ask(server: VirtualMachine): string {
  return `timeout 2 iperf3 --client ${server.overlayAddress('ipv4')} --port ${port} --bytes 1K`
}

test('a service survives cut links', async ({
  placement,
  dataplane,
  change,
  subtest,
  log,
  pollingCondition,
}) => {
  const { from: client, to: server } = placement.acrossHypervisors()
  await dataplane.route(client, server)

  await subtest('the service starts', async () => {
    await change(server, {
      what: 'the service',
      commands: [['iperf3', '--server', '--daemon', '--port', `${port}`, '--pidfile', pidFile]],
      undo: [['sh', '-c', '[ ! -e "$1" ] || { kill "$(tr -d "\\0" < "$1")"; rm -f "$1"; }', 'sh', pidFile]],
    })
    await server.waitForOpenPort(port)
    await client.waitUntilSucceeds(ask(server), { timeoutMs: 20_000 })
  })

  // whatever happens to the link, the process must stay: it is looked at over the management NIC
  await using alive = pollingCondition('the service lives', () => server.succeed('pgrep iperf3'))

  for (const [side, machine] of Object.entries({ server, client })) {
    await subtest(`the link of the ${side} is cut and comes back`, async () => {
      await log.step('cut', async () => {
        await machine.block()
        const { status } = await client.execute(ask(server))
        expect(status, 'exit status of the client').not.toBe(0)
      })
      await log.step('back', async () => {
        await machine.unblock()
        await client.waitUntilSucceeds(ask(server), { timeoutMs: 30_000 })
      })
    })
    await alive.check()
  }
})
