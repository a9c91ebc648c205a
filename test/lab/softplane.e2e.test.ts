/**
 * softplane as it will run: a container per hypervisor, guests with the distribution's DHCP client, real traffic.
 * Needs root, Linux, dockerd, dhclient and iperf3. The tests build on each other, in their order.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildSoftplaneImage } from '../../lab/softplane/build.ts'
import { waitFor } from '../../src/core/wait.ts'
import { TestEngine } from './softplane/engine.ts'
import { TestGuest } from './softplane/guest.ts'
import { missingRequirement } from './softplane/requirements.ts'
import { gigabitsPerSecond } from './softplane/traffic.ts'
import { connectUnderlay, TestHypervisor, type GuestSpec } from './softplane/hypervisor.ts'

const vm1: GuestSpec = { name: 'vm1', vni: 100, ipv4: '192.168.129.4', ipv6: '2002::4' }
const vm2: GuestSpec = { name: 'vm2', vni: 100, ipv4: '192.168.129.5', ipv6: '2002::5' }
const vm3: GuestSpec = { name: 'vm3', vni: 100, ipv4: '172.32.4.9', ipv6: '2003::9' }
/** In another VNI, with the addresses of vm1 and vm3. */
const twin1: GuestSpec = { ...vm1, name: 'twin1', vni: 200 }
const twin3: GuestSpec = { ...vm3, name: 'twin3', vni: 200 }

const reason = await missingRequirement()
if (reason) process.stdout.write(`softplane.e2e.test.ts skipped: ${reason}\n`)

describe.skipIf(reason)('softplane', { timeout: 360_000 }, () => {
  let engine: TestEngine
  let one: TestHypervisor
  let two: TestHypervisor
  const guests: Record<string, TestGuest> = {}
  const guest = ({ name }: GuestSpec): TestGuest => {
    const found = guests[name]
    if (!found) throw new Error(`no guest ${name}`)
    return found
  }
  let underlay: Record<string, string> = {}
  const underlayOf = ({ name }: GuestSpec): string => underlay[name] ?? ''

  beforeAll(async () => {
    engine = await TestEngine.start()
    const { reference } = await buildSoftplaneImage({ dockerHost: engine.host, log: () => undefined })
    const again = await buildSoftplaneImage({
      dockerHost: engine.host,
      log: (line) => expect.unreachable(line),
    })
    expect(again.reference).toBe(reference)
    const specs = [
      { name: 'one', underlay: 'fc00:1::1', guests: [vm1, vm2, twin1] },
      { name: 'two', underlay: 'fc00:2::1', guests: [vm3, twin3] },
    ] as const
    one = await TestHypervisor.start(engine, reference, specs[0])
    two = await TestHypervisor.start(engine, reference, specs[1])
    await connectUnderlay(one, two)
    await Promise.all([one.startDataplane(), two.startDataplane()])
    const starts = [one, two].flatMap((host) =>
      host.spec.guests.map(async (spec) => {
        guests[spec.name] = await TestGuest.start(engine, host, spec)
      }),
    )
    await Promise.all(starts)
  }, 480_000)

  afterAll(async () => {
    await Promise.all(Object.values(guests).map((one) => one[Symbol.asyncDispose]()))
    await engine[Symbol.asyncDispose]()
  }, 180_000)

  const connect = async (from: TestHypervisor, prefix: string, to: GuestSpec): Promise<void> => {
    expect(await from.route(prefix, to.vni, underlayOf(to))).toMatchObject({ exitCode: 0 })
  }
  const reachable = async (from: GuestSpec, to: GuestSpec, tries?: number): Promise<[boolean, boolean]> => [
    await guest(from).reaches(to.ipv4, tries),
    await guest(from).reaches(to.ipv6, tries),
  ]

  test('refuses what comes before init, and tells its version all the same', async () => {
    expect(await one.code('get version')).toEqual([0, 0])
    const version = (await one.cli(['get', 'version'])).document.spec
    expect(version?.service_version).toMatch(/^softplane \d/)
    expect(version?.service_protocol).toBe(version?.service_version)
    const early = await one.cli(['list', 'interfaces'])
    expect(early).toMatchObject({ exitCode: 1, document: { kind: 'Error', spec: { source: 'grpc' } } })
    expect(early.document.status.message).toBe('not initialized')
    underlay = { ...(await one.configure()), ...(await two.configure()) }
    expect(Object.keys(underlay)).toEqual(['vm1', 'vm2', 'twin1', 'vm3', 'twin3'])
    expect(new Set(Object.values(underlay)).size).toBe(5)
    expect((await one.cli(['init'])).document).toMatchObject({ kind: 'Error', spec: { source: 'client' } })
  })

  test('a command line is answered by the daemon itself as by the client as a program', async () => {
    const lines = [
      ['get', 'version'],
      ['list', 'interfaces', '-o', 'yaml'],
      ['get', 'interface', '--id', 'vm1', '-o', 'json', '--pretty'],
      ['get', 'interface', '--id', "of nobody's\n"],
      ['delete', 'route', '--vni', '100', '--prefix', '1.2.3.4/32', '-o', 'json'],
      ['create', 'route', '--vni', '100', '--prefix', 'wrong'],
      ['ask', '--for=it'],
    ]
    const told = lines.map(async (line) => {
      const { exitCode, stdout, stderr } = await one.cliText(line)
      const program = await one.cliText([...line, '--address=localhost:1337'])
      expect(program, line.join(' ')).toMatchObject({ exitCode, stdout, stderr })
      return exitCode
    })
    expect(new Set(await Promise.all(told))).toEqual(new Set([0, 1, 2]))
    const withoutNode = ['exec', '--env=NODE_OPTIONS=--none-such', one.container, 'dpservice-cli']
    expect(await engine.run([...withoutNode, 'get', 'version'])).toContain('softplane')
  })

  test('gives guests their addresses by DHCP and DHCPv6', async () => {
    await Promise.all(
      Object.values(guests).map(async (one) => {
        await one.lease(4)
        await one.lease(6)
      }),
    )
    for (const [spec, own] of [
      [vm1, guest(vm1)],
      [vm3, guest(vm3)],
    ] as const) {
      expect(await own.addresses()).toEqual([`${spec.ipv4}/32`, `${spec.ipv6}/128`])
      const routes = await own.run(['ip', 'route'])
      expect(routes).toContain('default via 169.254.0.1 dev data')
      expect(routes).toContain('169.254.0.0/16 dev data scope link')
      expect(await own.run(['ip', '-6', 'route'])).toContain('default via fe80::1 dev data')
      expect(await own.run(['ip', 'link', 'show', 'data'])).toContain('mtu 1500')
    }
  })

  test('gives the same addresses to a new MAC address', async () => {
    await guest(vm2).unplug()
    await guest(vm2).plug()
    await guest(vm2).lease(4)
    await guest(vm2).lease(6)
    expect(await guest(vm2).addresses()).toEqual([`${vm2.ipv4}/32`, `${vm2.ipv6}/128`])
  })

  test('connects guests of a VNI on one hypervisor without routes', async () => {
    expect(await reachable(vm1, vm2)).toEqual([true, true])
  })

  test('connects hypervisors by routes in both directions, and by nothing else', async () => {
    expect(await reachable(vm3, vm1, 1)).toEqual([false, false])
    await connect(two, `${vm1.ipv4}/32`, vm1)
    await connect(two, `${vm1.ipv6}/128`, vm1)
    expect(await reachable(vm3, vm1, 1)).toEqual([false, false])
    await connect(one, `${vm3.ipv4}/32`, vm3)
    await connect(one, `${vm3.ipv6}/128`, vm3)
    expect(await reachable(vm3, vm1)).toEqual([true, true])
    expect(await two.code(`delete route --vni 100 --prefix ${vm1.ipv4}/32`)).toEqual([0, 0])
    expect(await reachable(vm3, vm1, 1)).toEqual([false, true])
  })

  test('does not deliver to a wrong underlay address', async () => {
    expect(await two.route(`${vm1.ipv4}/32`, 100, 'fc00:1::db00:0:6400:77')).toMatchObject({ exitCode: 0 })
    expect(await reachable(vm3, vm1, 2)).toEqual([false, true])
    expect(await two.code(`delete route --vni 100 --prefix ${vm1.ipv4}/32`)).toEqual([0, 0])
  })

  test('takes a default route', async () => {
    await connect(two, '0.0.0.0/0', vm1)
    expect(await guest(vm3).reaches(vm1.ipv4)).toBe(true)
    expect(await two.code('delete route --vni 100 --prefix 0.0.0.0/0')).toEqual([0, 0])
    expect(await guest(vm3).reaches(vm1.ipv4, 1)).toBe(false)
    await connect(two, `${vm1.ipv4}/32`, vm1)
  })

  test('keeps VNIs apart, with the same addresses in both', async () => {
    expect(await reachable(twin1, vm2, 1)).toEqual([false, false])
    await connect(one, `${twin3.ipv4}/32`, twin3)
    await connect(two, `${twin1.ipv4}/32`, twin1)
    await guest(vm1).unplug()
    expect(await guest(twin3).reaches(twin1.ipv4)).toBe(true)
    expect(await guest(vm3).reaches(vm1.ipv4, 2)).toBe(false)
    await guest(vm1).plug()
    await guest(vm1).lease(4)
    await guest(vm1).lease(6)
    expect(await guest(vm3).reaches(vm1.ipv4)).toBe(true)
  })

  test('refuses with the codes of dpservice', async () => {
    const vm9 = '--vni 100 --ipv4 10.9.9.9'
    expect(
      await one.code('create route --vni 300 --prefix 1.2.3.0/24 --next-hop-vni 0 --next-hop-ip fc00::1'),
    ).toEqual([2, 206])
    expect(await one.code('list routes --vni 300')).toEqual([2, 206])
    expect(await one.code('delete route --vni 100 --prefix 1.2.3.0/24')).toEqual([2, 302])
    expect(
      await one.code(`create route --vni 100 --prefix ${vm3.ipv4}/32 --next-hop-vni 0 --next-hop-ip fc00::1`),
    ).toEqual([2, 301])
    expect(
      await one.code(`create route --vni 100 --prefix ${vm2.ipv4}/32 --next-hop-vni 0 --next-hop-ip fc00::1`),
    ).toEqual([2, 301])
    expect(
      await one.code('create route --vni 100 --prefix 1.0.0.0/8 --next-hop-vni 0 --next-hop-ip 1.2.3.4'),
    ).toEqual([2, 204])
    expect(await one.code(`create interface --id vm9 --device net_tap99 ${vm9}`)).toEqual([2, 201])
    expect(await one.code(`create interface --id vm9 --device net_tap2 ${vm9}`)).toEqual([2, 202])
    expect(await one.code('get interface --id vm9')).toEqual([2, 201])
    expect(await one.code('delete interface --id vm9')).toEqual([2, 201])
    expect(await one.code('reset vni --vni 100 --vni-type 0')).toEqual([2, 203])
    const metered = await one.cliText(
      `create interface --id vm9 --device net_tap9 ${vm9} --total-meter-rate 5`.split(' '),
    )
    expect(metered).toMatchObject({ exitCode: 1 })
    expect(metered.stderr).toContain('softplane has no meters')
    expect((await one.cliText(['get', 'interface', '--id', 'vm9', '-o', 'table'])).stdout).toBe(
      'interface/vm9 server error: 201, NOT_FOUND\n',
    )
  })

  test('frees a port with its interface, and a VNI with its last one', async () => {
    expect(await one.code('get vni --vni 200')).toEqual([0, 0])
    expect(await one.code('delete interface --id twin1')).toEqual([0, 0])
    expect((await one.cli('get vni --vni 200'.split(' '))).document.spec).toEqual({ in_use: false })
    expect(await one.code('list routes --vni 200')).toEqual([2, 206])
    const same = { ...vm2, name: 'again' }
    expect(await one.createInterface(same, 2)).toMatchObject({
      exitCode: 2,
      document: { status: { code: 301 } },
    })
    expect(await one.createInterface({ ...twin1, name: 'vm1' }, 2)).toMatchObject({ exitCode: 2 })
    const again = await one.createInterface(twin1, 2)
    expect(again.document.spec?.underlay_route).toBe(underlayOf(twin1))
    const list = (await one.cli(['list', 'interfaces'])).document.items
    expect(list?.map(({ metadata }) => metadata?.id)).toEqual(['twin1', 'vm1', 'vm2'])
    await connect(one, `${twin3.ipv4}/32`, twin3)
    expect(await guest(twin3).reaches(twin1.ipv4)).toBe(true)
  })

  test('resets the routes of a VNI, not its interfaces', async () => {
    expect(await two.code('reset vni --vni 100')).toEqual([0, 0])
    expect((await two.cli('list routes --vni 100'.split(' '))).document.items).toEqual([])
    expect(await guest(vm3).reaches(vm1.ipv4, 1)).toBe(false)
    expect(await guest(twin3).reaches(twin1.ipv4)).toBe(true)
    expect(await two.code('get interface --id vm3')).toEqual([0, 0])
  })

  test('leaves nothing behind when it is killed, and starts again', async () => {
    await engine.run(['kill', '--signal', 'KILL', two.container])
    await waitFor(
      async () => {
        const seen = (await two.links()).filter((name) => name.startsWith('dtap'))
        return seen.length === 0
          ? { state: 'ready', value: undefined }
          : { state: 'pending', seen: seen.join(' ') }
      },
      { what: 'the ports to vanish', timeoutMs: 10_000 },
    )
    await engine.run(['start', two.container])
    await engine.run(['kill', '--signal', 'KILL', two.container])
    await engine.run(['start', two.container])
    await two.ready()
    expect((await two.cli(['get', 'init'])).document.status.message).toBe('not initialized')
    await engine.run(['rm', '--force', two.container])
  })

  test('stops cleanly at SIGTERM, its ports gone before it is', async () => {
    await engine.run(['stop', '--time', '20', one.container])
    expect((await one.links()).filter((name) => name.startsWith('dtap'))).toEqual([])
    expect(await engine.run(['inspect', '--format', '{{.State.ExitCode}}', one.container])).toBe('0')
    await engine.run(['rm', one.container])
  })

  test('says in one line why it cannot start', async () => {
    await one.ip(['link add dtap0 type bridge'])
    await expect(one.startDataplane()).rejects.toThrow()
    const taken = await engine.try(['logs', one.container])
    expect(taken.stderr).toBe('dpservice-bin: there is a network device dtap0 already, and it is no port\n')
    expect(await engine.run(['inspect', '--format', '{{.State.ExitCode}}', one.container])).toBe('1')
    await one.ip(['link delete dtap0'])
    await engine.run(['rm', '--force', one.container])
  })

  test('is several times as fast with offloads as without', async () => {
    const figures: Record<string, number[]> = {}
    for (const mode of ['offload', 'non-offload']) {
      const own = mode === 'offload' ? [] : ['--no-offload']
      await Promise.all([one.startDataplane(own), two.startDataplane(own)])
      underlay = { ...(await one.configure()), ...(await two.configure()) }
      for (const family of ['ipv4', 'ipv6'] as const) {
        const bits = family === 'ipv4' ? 32 : 128
        await connect(two, `${vm1[family]}/${bits}`, vm1)
        await connect(one, `${vm3[family]}/${bits}`, vm3)
        for (const from of [vm2, vm3]) {
          expect(await guest(from).reaches(vm1[family])).toBe(true)
          const name = `${family} from ${from.name}`
          figures[name] = [
            ...(figures[name] ?? []),
            await gigabitsPerSecond(guest(from), guest(vm1), vm1[family]),
          ]
        }
      }
      await engine.run(['rm', '--force', one.container, two.container])
    }
    process.stdout.write(`Gbit/s, offload and non-offload: ${JSON.stringify(figures)}\n`)
    for (const [name, [fast = 0, slow = 0]] of Object.entries(figures)) {
      expect(fast / slow, `${name}: ${fast} against ${slow} Gbit/s`).toBeGreaterThan(2)
    }
  })
})
